"""What a session makes of Tekton's own objects."""

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


def test_a_repeated_pod_is_not_taken_for_the_one_before_whose_containers_still_show() -> None:
    first = status("p", "False", "StepFailed", 1)
    assert pods(first, status("p-retry1", "Unknown", "Pending", 1)) == [
        ("ended", True, 1),
        ("pending", False, None),
    ]


def test_a_runner_that_failed_is_known_while_the_verdict_on_it_still_runs() -> None:
    assert pods(status("p", "Unknown", "Running", 137)) == [("running", True, 137)]


def test_a_pod_that_said_that_no_attempt_is_left_ended_badly_though_tekton_calls_it_good() -> None:
    assert pods(status("p", "True", "Succeeded", 65)) == [("ended", True, 65)]


def test_how_the_runner_ended_says_more_than_that_the_verdict_failed() -> None:
    first = status("p", "Unknown", "Running", 137, "Not all Steps have finished executing")
    last = status("p-retry1", "False", "StepFailed", 137, '"step-verdict" exited with code 1')
    assert [each.message for each in seen(first, last)] == ["Error (exit code 137)"] * 2


def test_a_runner_that_a_signal_ended_was_killed() -> None:
    (found,) = seen(status("p", "False", "StepFailed", -1))
    assert (found.exit_code, found.message) == (137, "Error (exit code 137)")


def test_what_was_done_to_a_pod_says_more_than_how_its_runner_ended() -> None:
    (found,) = seen(status("p", "False", "PodEvicted", 137, "Usage exceeds the limit"))
    assert found.message == "PodEvicted: Usage exceeds the limit"


@pytest.mark.parametrize(("last", "deadline"), [("00:29", None), ("00:30", 30.0)])
def test_a_run_whose_last_task_runs_because_the_time_was_over_ended_so(
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
