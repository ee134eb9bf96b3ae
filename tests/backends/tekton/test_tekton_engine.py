"""What a session makes of Tekton's own objects."""

from __future__ import annotations

from typing import Any

from tekton_workflows import PLAIN

from ithaca_tekton.engine import TektonEngine
from ithaca_tekton.settings import read


class Listing:
    """A cluster that has these TaskRuns."""

    def __init__(self, *found: dict[str, Any]) -> None:
        self.found = list(found)

    def list(self, _kind: object, *, labels: object) -> tuple[list[dict[str, Any]], str]:
        return self.found, "1"


def status(pod: str, condition: str, reason: str, code: int | None = None) -> dict[str, Any]:
    ended = {"terminated": {"exitCode": code}} if code is not None else {"running": {}}
    return {
        "podName": pod,
        "conditions": [{"type": "Succeeded", "status": condition, "reason": reason}],
        "steps": [{"name": "main", **ended}],
    }


def pods(*attempts: dict[str, Any]) -> list[tuple[str, bool, int | None]]:
    *earlier, last = attempts
    task_run = {
        "spec": {"params": [{"name": "step", "value": "train"}]},
        "status": {**last, "retriesStatus": earlier},
    }
    engine = TektonEngine(read(PLAIN))
    found = engine.pods(Listing(task_run), {"metadata": {"name": "r"}})  # type: ignore[arg-type]
    return [(each.phase, each.failed, each.exit_code) for each in found]


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
