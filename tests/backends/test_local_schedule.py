from __future__ import annotations

from ithaca.backends.local.schedule import moves, outcome
from ithaca.model.run import Event
from ithaca.model.workflow import Source, Step, Workflow
from ithaca.records.fold import RunState, StepState

WORKFLOW = Workflow(
    name="w",
    steps=(
        Step(name="load"),
        Step(name="left", needs=("load",)),
        Step(name="right", needs=("load",), approval="go on?"),
        Step(name="join", needs=("left", "right")),
    ),
    source=Source(notebook="n.ipynb", digest="d"),
)


def state(**statuses: str) -> RunState:
    steps = [
        StepState(name=step.name, status=statuses.get(step.name, "pending"))  # type: ignore[arg-type]
        for step in WORKFLOW.steps
    ]
    return RunState(id="01J", name="w", status="running", created=0.0, steps=tuple(steps))


def answer(kind: str) -> Event:
    return Event(id="1", kind=kind, at=0.0, by="me", step="right")  # type: ignore[arg-type]


def ready(known: RunState, *events: Event) -> dict[str, str]:
    return {move.step.name: move.answer for move in moves(WORKFLOW, known, events)}


def test_only_steps_whose_needs_succeeded_are_ready() -> None:
    assert ready(state()) == {"load": "go"}
    assert ready(state(load="running")) == {}
    assert ready(state(load="failed", left="skipped", right="skipped", join="skipped")) == {}


def test_independent_steps_are_ready_together_and_one_that_asks_waits() -> None:
    assert ready(state(load="reused", right="waiting")) == {"left": "go", "right": "open"}


def test_an_answer_lets_a_step_go_or_stops_it() -> None:
    known = state(load="succeeded", left="running")
    assert ready(known, answer("approve")) == {"right": "go"}
    assert ready(known, answer("reject")) == {"right": "reject"}


def test_a_run_succeeds_when_every_step_has_a_result() -> None:
    done = dict.fromkeys(("load", "left", "right", "join"), "succeeded")
    assert outcome(state(**{**done, "left": "reused"})) == ("succeeded", "")


def test_a_run_that_cannot_go_on_fails_and_names_what_failed() -> None:
    known = state(load="succeeded", left="failed", right="succeeded", join="skipped")
    assert outcome(known) == ("failed", "failed: left")
