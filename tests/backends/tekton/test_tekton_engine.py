"""How a session reads Tekton's own objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from tekton_workflows import PLAIN

from ithaca.backends.kubernetes import PodState
from ithaca_tekton.engine import TektonEngine
from ithaca_tekton.settings import read


class Listing:
    """A cluster that has these TaskRuns."""

    def __init__(self, *found: dict[str, Any]) -> None:
        self.found = list(found)

    def list(self, _kind: object, *, labels: object) -> tuple[list[dict[str, Any]], str]:
        return self.found, "1"


def status(
    pod: str, condition: str, reason: str, code: int | None = None, message: str = ""
) -> dict[str, Any]:
    over = {"terminated": {"exitCode": code, "reason": "Error"}}
    ended = over if code is not None else {"running": {}}
    told = {"type": "Succeeded", "status": condition, "reason": reason, "message": message}
    return {
        "podName": pod,
        "conditions": [told],
        "steps": [{"name": "main", **ended}],
    }


def seen(*attempts: dict[str, Any]) -> Sequence[PodState]:
    *earlier, last = attempts
    task_run = {
        "spec": {"params": [{"name": "step", "value": "train"}]},
        "status": {**last, "retriesStatus": earlier},
    }
    engine = TektonEngine(read(PLAIN))
    return engine.pods(Listing(task_run), {"metadata": {"name": "r"}})  # type: ignore[arg-type]


def pods(*attempts: dict[str, Any]) -> list[tuple[str, bool, int | None]]:
    return [(each.phase, each.failed, each.exit_code) for each in seen(*attempts)]


def test_a_retried_pod_does_not_get_the_exit_code_of_the_previous_pod() -> None:
    first = status("p", "False", "StepFailed", 1)
    assert pods(first, status("p-retry1", "Unknown", "Pending", 1)) == [
        ("ended", True, 1),
        ("pending", False, None),
    ]


def test_a_failed_runner_is_reported_while_the_verdict_still_runs() -> None:
    assert pods(status("p", "Unknown", "Running", 137)) == [("running", True, 137)]


def test_a_pod_whose_runner_failed_for_good_has_failed_although_tekton_succeeded() -> None:
    assert pods(status("p", "True", "Succeeded", 65)) == [("ended", True, 65)]


def test_the_exit_code_of_the_runner_replaces_the_message_about_the_verdict() -> None:
    first = status("p", "Unknown", "Running", 137, "Not all Steps have finished executing")
    last = status("p-retry1", "False", "StepFailed", 137, '"step-verdict" exited with code 1')
    assert [each.message for each in seen(first, last)] == ["Error (exit code 137)"] * 2


def test_a_runner_that_was_ended_by_a_signal_has_exit_code_137() -> None:
    (found,) = seen(status("p", "False", "StepFailed", -1))
    assert (found.exit_code, found.message) == (137, "Error (exit code 137)")


def test_a_specific_reason_of_tekton_replaces_the_exit_code_in_the_message() -> None:
    (found,) = seen(status("p", "False", "PodEvicted", 137, "Usage exceeds the limit"))
    assert found.message == "PodEvicted: Usage exceeds the limit"


@pytest.mark.parametrize(("last", "deadline"), [("00:29", None), ("00:30", 30.0)])
def test_a_run_whose_last_task_started_after_the_deadline_has_timed_out(
    last: str, deadline: float | None
) -> None:
    found = {
        "metadata": {"name": "r"},
        "spec": {"timeouts": {"pipeline": "0", "tasks": "30s"}},
        "status": {
            "startTime": "2026-01-01T00:00:00Z",
            "finallyStartTime": f"2026-01-01T00:{last}Z",
            "childReferences": [{"pipelineTaskName": "ithaca--end"}],
        },
    }
    outcome = TektonEngine(read(PLAIN)).outcome(found)
    assert outcome is not None
    assert outcome.deadline == deadline
