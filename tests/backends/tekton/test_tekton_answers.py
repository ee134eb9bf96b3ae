"""What the pod of a step reads in an ApprovalTask."""

from __future__ import annotations

from typing import Any

import pytest

from ithaca.errors import UsageError
from ithaca.model.run import Answer
from ithaca_tekton.answers import answer, decided


def user(name: str, response: str, message: str = "") -> dict[str, Any]:
    return {"name": name, "type": "User", "response": response, "message": message}


def answered(state: str, *responses: dict[str, Any]) -> Answer | None:
    return decided({"status": {"state": state, "approversResponse": list(responses)}})


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
    assert decided({}) is None


def test_a_pod_without_a_service_account_cannot_read_the_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(UsageError, match="the pod has no service account") as found:
        answer("run/approve--train")
    assert found.value.code == "ITH536"
