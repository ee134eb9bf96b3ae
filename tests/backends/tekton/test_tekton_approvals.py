"""Questions as ApprovalTasks: how they are emitted, and how people answer them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tekton_workflows import PLAIN, emitted, member, run, workflow

from ithaca.backends.kubernetes import Answer, Cluster, Kind
from ithaca.backends.protocol import ManifestOptions
from ithaca.errors import UsageError
from ithaca.model.run import PlannedStep
from ithaca.model.workflow import Step, Workflow
from ithaca_tekton import TektonBackend, approvals
from ithaca_tekton.approvals import APPROVAL_TASK, CUSTOM_RUN
from ithaca_tekton.engine import TektonEngine
from ithaca_tekton.settings import read

ASKING: dict[str, Any] = {"approval_task": {"approvers": ["ann", "group:science"], "required": 1}}
ASKED = workflow(
    Step(name="load"), Step(name="train", needs=("load",), approval="Really $(params.x)?")
)

WHERE = "ithaca_tekton.answers:$(context.pipelineRun.name)/approve--train"


def gate(**settings: Any) -> dict[str, Any]:
    return member("approve--train", ASKED, **ASKING, **settings)


def test_a_question_is_an_approval_task_with_those_who_may_answer() -> None:
    found = gate()
    assert found["taskRef"] == {
        "apiVersion": "openshift-pipelines.org/v1alpha1",
        "kind": "ApprovalTask",
    }
    assert found["params"] == {
        "approvers": ["ann", "group:science"],
        "numberOfApprovalsRequired": "1",
        "description": "Really $ (params.x)?",
    }
    assert found["when"] == member("train", ASKED, **ASKING)["when"]


def test_a_question_waits_for_years_unless_the_whole_run_has_a_deadline() -> None:
    assert gate()["timeout"] == "87600h"
    assert gate(deadline=600)["timeout"] == "600s"


def test_a_rejection_does_not_stop_other_branches() -> None:
    assert gate()["onError"] == "continue"


def test_the_pod_of_the_step_gets_the_name_of_the_approval_task() -> None:
    step = member("train", ASKED, **ASKING)
    assert step["runAfter"] == ["approve--train"]
    assert step["params"]["asked"] == WHERE
    (runner, *_) = step["task"]["steps"]
    assert "--asked=$(params.asked)" in runner["args"]
    assert not any(each.startswith("--decision") for each in runner["args"])


def test_in_a_planned_run_only_a_step_that_asks_gets_the_option_of_the_answer() -> None:
    plan = (PlannedStep(step="load", action="run"), PlannedStep(step="train", action="run"))
    (found,) = emitted(ASKED, run(*plan), **ASKING)
    tasks = {each["name"]: each for each in found["spec"]["pipelineSpec"]["tasks"]}
    told = [
        argument
        for name in ("load", "train")
        for argument in tasks[name]["taskSpec"]["steps"][0]["args"]
        if argument.startswith(("--asked", "--decision"))
    ]
    assert told == ["--asked=$(params.asked)"]
    assert {
        "name": "asked",
        "value": WHERE,
    } in tasks["train"]["params"]


def test_a_reused_step_does_not_ask() -> None:
    plan = (
        PlannedStep(step="load", action="run"),
        PlannedStep(step="train", action="reuse", execution="e" * 64),
    )
    (found,) = emitted(ASKED, run(*plan), **ASKING)
    assert [each["name"] for each in found["spec"]["pipelineSpec"]["tasks"]] == ["load"]


def roles(**settings: Any) -> dict[str, list[tuple[str, list[str]]]]:
    text = TektonBackend({**PLAIN, "namespace": "science", **settings}).manifests(ManifestOptions())
    return {
        each["metadata"]["name"]: [(one["resources"][0], one["verbs"]) for one in each["rules"]]
        for each in yaml.safe_load_all(text)
        if each and each["kind"] == "Role"
    }


def test_pods_get_a_right_only_if_they_read_answers() -> None:
    assert "ithaca-tekton-pods" not in roles()
    assert roles(**ASKING)["ithaca-tekton-pods"] == [("approvaltasks", ["list"])]


def test_people_get_rights_on_questions_only_if_there_are_approval_tasks() -> None:
    more = roles(**ASKING)["ithaca-tekton-submit"]
    verbs = ["get", "list", "patch", "update"]
    assert more[-2:] == [("approvaltasks", verbs), ("customruns", ["patch"])]
    assert more[:-2] == roles()["ithaca-tekton-submit"]


def test_the_doctor_reports_a_missing_manual_approval_gate(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Without:
        """A cluster with Tekton, but without manual-approval-gate."""

        namespace, address = "science", "https://cluster.example"

        def versions(self, group: str) -> tuple[str, ...]:
            return ("v1",) if group == "tekton.dev" else ()

        def read(self, path: str) -> dict[str, Any]:
            kinds = ("pipelineruns", "taskruns", "pipelines", "tasks")
            if path == "/apis/tekton.dev/v1":
                return {"resources": [{"name": each} for each in kinds]}
            return {"items": []}

    monkeypatch.setattr(Cluster, "connect", lambda **_: Without())
    checks = list(TektonBackend({**PLAIN, **ASKING}).doctor(tmp_path, tmp_path, lambda _: None))
    assert (checks[-1].what, checks[-1].status) == ("manual-approval-gate", "failed")
    assert (
        checks[-1].found == "the API server does not serve approvaltasks of openshift-pipelines.org"
    )
    assert "remove `approval_task`" in checks[-1].cure


class Gate:
    """A cluster with one ApprovalTask, as somebody sees it."""

    def __init__(self, who: str, *groups: str, state: str = "pending", served: bool = True) -> None:
        self.who, self.groups, self.served = who, groups, served
        self.patched: list[tuple[Kind, str, Any]] = []
        self.written: list[dict[str, Any]] = []
        self.task: dict[str, Any] | None = {
            "metadata": {"name": "r-approve--train"},
            "spec": {
                "approvers": [
                    {"name": "ann", "type": "User", "input": "pending"},
                    {"name": "science", "type": "Group", "input": "pending"},
                ]
            },
            "status": {"state": state},
        }

    def has_api(self, _group: str) -> bool:
        return self.served

    def whoami(self) -> tuple[str, tuple[str, ...]]:
        return self.who, self.groups

    def list(self, _kind: Kind, *, labels: dict[str, str]) -> tuple[list[Any], str]:
        assert labels == {
            "tekton.dev/pipelineRun": "r",
            "tekton.dev/pipelineTask": "approve--train",
        }
        return [self.task] if self.task else [], "1"

    def replace(self, kind: Kind, content: dict[str, Any]) -> None:
        assert kind == APPROVAL_TASK
        self.written.append(content)

    def patch(self, kind: Kind, name: str, changes: Any) -> dict[str, Any]:
        self.patched.append((kind, name, changes))
        children = [
            {"kind": "TaskRun", "name": "r-load"},
            {"kind": "CustomRun", "name": "r-approve--train"},
        ]
        return {"status": {"childReferences": children}}


def pass_on(cluster: Gate, decision: str = "approve", wanted: Workflow = ASKED) -> bool:
    plan = (PlannedStep(step="load", action="run"), PlannedStep(step="train", action="run"))
    (found,) = emitted(wanted, run(*plan), **ASKING)
    found["metadata"]["name"] = "r"
    answer = Answer("train", decision, "looks good")
    return TektonEngine(read(PLAIN)).pass_on(cluster, found, wanted, answer)  # type: ignore[arg-type]


def test_an_answer_is_recorded_under_the_user_name_that_the_cluster_reports() -> None:
    cluster = Gate("ann", "science")
    assert pass_on(cluster, "reject")
    (written,) = cluster.written
    assert written["spec"]["approvers"] == [
        {"name": "ann", "type": "User", "input": "reject", "message": "looks good"},
        {"name": "science", "type": "Group", "input": "pending"},
    ]


def test_a_member_of_a_group_answers_for_the_group_under_their_own_name() -> None:
    cluster = Gate("bob", "science", "system:authenticated")
    assert pass_on(cluster)
    (written,) = cluster.written
    said = {"input": "approve", "message": "looks good"}
    assert written["spec"]["approvers"] == [
        {"name": "ann", "type": "User", "input": "pending"},
        {"name": "science", "type": "Group", **said, "users": [{"name": "bob", **said}]},
    ]


def test_a_user_who_is_no_approver_learns_the_approvers_and_their_own_user_name() -> None:
    cluster = Gate("eve", "system:authenticated")
    with pytest.raises(UsageError, match=r"asks ann, group:science, .* you are eve") as raised:
        pass_on(cluster)
    assert raised.value.code == "ITH682"
    assert not cluster.written


def test_a_question_that_was_not_asked_yet_accepts_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(approvals, "PATIENCE", 0.0)
    cluster = Gate("ann")
    cluster.task = None
    with pytest.raises(UsageError, match="has not asked yet"):
        pass_on(cluster)


def test_an_answered_question_accepts_no_other_answer() -> None:
    with pytest.raises(UsageError, match="it is already rejected"):
        pass_on(Gate("ann", state="rejected"))


def test_without_the_gate_an_answer_is_refused() -> None:
    with pytest.raises(UsageError, match="manual-approval-gate is not installed"):
        pass_on(Gate("ann", served=False))


def test_without_an_approval_task_the_answer_goes_to_the_store() -> None:
    plan = (PlannedStep(step="train", action="run"),)
    (found,) = emitted(ASKED, run(PlannedStep(step="load", action="run"), *plan))
    engine = TektonEngine(read({**PLAIN, **ASKING}))
    assert not engine.pass_on(Gate("ann"), found, ASKED, Answer("train", "approve", ""))  # type: ignore[arg-type]


def test_the_questions_of_a_stopped_run_are_withdrawn_because_tekton_waits_for_them() -> None:
    cluster = Gate("ann")
    TektonEngine(read(PLAIN)).stop(cluster, "r")  # type: ignore[arg-type]
    stopped, *withdrawn = cluster.patched
    assert stopped[2] == {"spec": {"status": "CancelledRunFinally"}}
    assert withdrawn == [(CUSTOM_RUN, "r-approve--train", {"spec": {"timeout": "1s"}})]
