"""How the answer to a question that an ApprovalTask asks reaches the step and its record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pod_project import Cluster
from step_project import Project, step

from ithaca.runner.pod.approval import Answer, told


def user(name: str, response: str, message: str = "") -> dict[str, Any]:
    return {"name": name, "type": "User", "response": response, "message": message}


def answered(state: str, *responses: dict[str, Any]) -> Answer | None:
    return told({"status": {"state": state, "approversResponse": list(responses)}})


def test_one_who_decides_alone_is_quoted() -> None:
    assert answered("approved", user("ann", "approved", "fine")) == ("approve", "ann", "fine")


def test_several_are_all_named_and_those_quoted_who_said_something() -> None:
    found = answered("approved", user("ann", "approved", "fine"), user("bob", "approved"))
    assert found == ("approve", "ann, bob", "ann: fine")


def test_a_rejection_is_by_those_who_rejected() -> None:
    found = answered("rejected", user("ann", "approved", "fine"), user("bob", "rejected", "no"))
    assert found == ("reject", "bob", "no")


def test_of_a_group_its_members_are_named() -> None:
    members = [{"name": "bob", "response": "approved", "message": "ok"}]
    group = {"name": "science", "type": "Group", "response": "approved", "groupMembers": members}
    assert answered("approved", group) == ("approve", "bob", "ok")


def test_a_rejection_by_nobody_is_that_of_the_clock() -> None:
    found = answered("rejected", user("ann", "approved"))
    assert found == ("reject", "manual-approval-gate", "nobody answered in time")


def test_what_waits_has_no_answer() -> None:
    assert answered("pending", user("ann", "approved")) is None
    assert told({}) is None


def test_a_step_whose_answer_cannot_be_seen_does_not_run(project: Project, tmp_path: Path) -> None:
    cluster = Cluster(project, tmp_path)
    project.define(step("a", "raise SystemExit('it ran')", approval="Go on?"))
    cluster.submit()
    pod = cluster.step("a", "--asked=r/approve--a")
    end = cluster.journal.attempt_end("a", 1)
    assert end is not None
    assert end.error is not None
    assert (pod.code, end.status, end.retryable) == (65, "failed", False)
    assert end.error.code == "ITH536"
    assert "the pod is given no service account" in end.error.message
