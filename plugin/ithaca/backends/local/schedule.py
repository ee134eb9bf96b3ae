"""What a supervisor does next: pure functions of a run's state and events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ithaca.records.fold import GOOD, decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.model.run import Event
    from ithaca.model.workflow import Step, Workflow
    from ithaca.records.fold import RunState, StepState


@dataclass(frozen=True)
class Move:
    """A step whose needs are met.

    Attributes:
        step: The step.
        attempt: Number of its next attempt.
        answer: `open` while the step waits for a person, `reject` when they refused, else `go`.
    """

    step: Step
    attempt: int
    answer: Literal["open", "reject", "go"]


def moves(workflow: Workflow, state: RunState, events: Sequence[Event]) -> list[Move]:
    """The steps whose needs are met, in workflow order."""
    found = []
    for step in workflow.steps:
        known = state.step(step.name)
        ready = known.status in {"pending", "waiting"} and all(
            state.step(name).status in GOOD for name in step.needs
        )
        if ready:
            found.append(Move(step, known.attempt + 1, _answer(step, known, events)))
    return found


def _answer(
    step: Step, known: StepState, events: Sequence[Event]
) -> Literal["open", "reject", "go"]:
    if step.approval is None or known.attempt:
        return "go"
    decided = decision(step.name, events)
    if decided is None:
        return "open"
    return "reject" if decided.kind == "reject" else "go"


def outcome(state: RunState) -> tuple[Literal["succeeded", "failed"], str]:
    """How a run ends once no step can start, with a message that names what failed."""
    failed = [step.name for step in state.steps if step.status in {"failed", "timed_out", "lost"}]
    if all(step.status in GOOD for step in state.steps):
        return "succeeded", ""
    return "failed", f"failed: {', '.join(failed)}" if failed else "not every step could run"
