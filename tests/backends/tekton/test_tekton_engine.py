"""What Tekton's objects say of a run, and what is done to them."""

from __future__ import annotations

from typing import Any

import pytest
from tekton_workflows import PLAIN

from cluster_workflows import workflow
from ithaca.backends.kubernetes import Outcome, PodState
from ithaca.workflow.model import Step
from ithaca_tekton.engine import TASK_RUN, TektonEngine
from ithaca_tekton.settings import read

ENGINE = TektonEngine(read({**PLAIN, "url": "https://tekton.example/"}))


def run(
    status: str = "Unknown",
    reason: str = "Running",
    *children: str,
    message: str = "",
    **timeouts: str,
) -> dict[str, Any]:
    """A PipelineRun in some state, with the TaskRuns that it has made."""
    condition = {"type": "Succeeded", "status": status, "reason": reason, "message": message}
    return {
        "metadata": {"name": "digits-1"},
        "spec": {"timeouts": {"pipeline": "0", **timeouts}},
        "status": {
            "conditions": [condition],
            "childReferences": [{"pipelineTaskName": name} for name in children],
        },
    }


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ({"metadata": {"name": "digits-1"}}, None),
        (run(), None),
        (run("Unknown", "Running", "train", "ithaca--end"), Outcome("succeeded")),
        (run("True", "Completed"), Outcome("succeeded")),
        (run("False", "Failed", message="said"), Outcome("failed", "said")),
        (run("Unknown", "CancelledRunningFinally"), Outcome("cancelled")),
        (run("False", "Cancelled"), Outcome("cancelled")),
        (run("False", "PipelineRunTimeout", tasks="1h30m"), Outcome("failed", "", 5400)),
    ],
    ids=str,
)
def test_a_pipeline_run_tells_how_its_steps_ended(found: Any, outcome: Any) -> None:
    assert ENGINE.outcome(found) == outcome


def status(state: str, reason: str, pod: str, code: int | None) -> dict[str, Any]:
    step = {"name": "main", **({} if code is None else {"terminated": {"exitCode": code}})}
    condition = {"type": "Succeeded", "status": state, "reason": reason, "message": "said"}
    return {"conditions": [condition], "podName": pod, "steps": [step, {"name": "verdict"}]}


class OneList:
    """A cluster that has these TaskRuns."""

    def __init__(self, *found: dict[str, Any]) -> None:
        self.found = list(found)

    def list(self, kind: Any, *, labels: Any) -> tuple[list[dict[str, Any]], str]:
        assert (kind, labels) == (TASK_RUN, {"tekton.dev/pipelineRun": "digits-1"})
        return self.found, "1"


def test_each_attempt_of_a_step_is_a_pod_and_gates_and_the_end_are_none() -> None:
    params = [{"name": "step", "value": "train_model"}]
    first = status("False", "Failed", "train-pod", 1)
    last = status("True", "Succeeded", "train-pod-retry1", 65)
    cluster = OneList(
        {"spec": {"params": params}, "status": {**last, "retriesStatus": [first]}},
        {"spec": {"params": [{"name": "asking", "value": "train_model"}]}, "status": first},
        {"spec": {}, "status": first},
    )
    assert ENGINE.pods(cluster, run()) == [  # type: ignore[arg-type]
        PodState("train_model", 1, "ended", True, "Failed: said", 1, "train-pod"),
        PodState("train_model", 2, "ended", True, "Succeeded: said", 65, "train-pod-retry1"),
    ]


@pytest.mark.parametrize(
    ("told", "phase"),
    [
        ({}, "pending"),
        (status("Unknown", "Pending", "pod", None), "pending"),
        (status("Unknown", "Running", "pod", None), "running"),
        (status("Unknown", "ToBeRetried", "", None), "pending"),
    ],
    ids=str,
)
def test_a_pod_that_has_not_ended_waits_or_runs(told: dict[str, Any], phase: str) -> None:
    task = {"spec": {"params": [{"name": "step", "value": "a"}]}, "status": told}
    (found,) = ENGINE.pods(OneList(task), run())  # type: ignore[arg-type]
    assert (found.phase, found.failed) == (phase, False)


def test_a_pod_is_of_the_step_that_its_label_names() -> None:
    wanted = workflow(Step(name="train_model"))
    pod = {"metadata": {"labels": {"tekton.dev/pipelineTask": "train-model"}}}
    assert ENGINE.step(pod, wanted) == "train_model"
    assert ENGINE.step({"metadata": {}}, wanted) is None


def test_a_run_has_a_page_where_the_address_of_the_dashboard_is_set() -> None:
    page = "https://tekton.example/#/namespaces/science/pipelineruns/digits-1"
    assert ENGINE.url("science", "digits-1") == page
    assert TektonEngine(read(PLAIN)).url("science", "digits-1") is None
