"""The status of a run: a pure function of its documents, in any order.

Several processes may each write the end of the same attempt or run; the one with the smallest name
counts (a store that writes conditionally keeps only one).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ithaca.model.run import (
    AttemptEnd,
    AttemptStart,
    Event,
    Obstacle,
    RunDocument,
    RunEnd,
    RunStatus,
    StepError,
    StepStatus,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ithaca.model.workflow import Step, Workflow

Document = AttemptStart | AttemptEnd | Event | RunEnd
Kind = TypeVar("Kind", bound=Document)

GOOD: frozenset[StepStatus] = frozenset({"succeeded", "reused"})
"""Statuses after which the steps that need this one run."""

OPEN: frozenset[StepStatus] = frozenset({"pending", "waiting", "running"})
"""Statuses of a step that has not ended."""

RETRIED: frozenset[str] = frozenset({"failed", "timed_out"})
"""Ends of an attempt after which another one may follow."""

ENDED: frozenset[str] = frozenset({"succeeded", "failed", "cancelled", "lost"})
"""Statuses of a run that has ended."""


class StepState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one step of a run.

    Attributes:
        name: The step.
        status: Its status.
        attempt: Number of the attempt that this state is of; 0 when there was none.
        started: When that attempt started, in seconds since the epoch.
        ended: When it ended.
        key: The step's key.
        execution: Digest of its execution document.
        before: Snapshot that it started from.
        after: Snapshot that it left.
        metrics: Its metrics.
        error: Why it failed.
        reused_from: The run that made its execution, when it was reused.
        question: The question to a person while it is `waiting`.
        answer: The person's answer, when there is one.
        notices: Notices for the user.
        obstacle: Why it does not start while it is `pending`, when its engine reports it.
    """

    name: str
    status: StepStatus = "pending"
    attempt: int = 0
    started: float | None = None
    ended: float | None = None
    key: str | None = None
    execution: str | None = None
    before: str | None = None
    after: str | None = None
    metrics: dict[str, float] = {}
    error: StepError | None = None
    reused_from: str | None = None
    question: str | None = None
    answer: Event | None = None
    notices: tuple[str, ...] = ()
    obstacle: Obstacle | None = None

    @property
    def seconds(self) -> float | None:
        """How long it ran; None while that is unknown."""
        if self.status == "reused":
            return 0.0
        if self.started is None or self.ended is None:
            return None
        return max(0.0, self.ended - self.started)


_OF_THE_END = [each for each in AttemptEnd.__struct_fields__ if hasattr(StepState, each)]
"""What the end of an attempt says of the step's state."""


class RunState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a run.

    Attributes:
        id: The run.
        name: The workflow's name.
        status: Its status.
        created: When it was submitted, in seconds since the epoch.
        ended: When it ended.
        message: The message of its end.
        backend: Where it runs.
        retry_of: The run that it retries.
        cancelling: Whether it was cancelled and has not ended yet.
        parameters: Value of every parameter.
        metrics: The metrics of its steps, in the order of the workflow's metrics.
        steps: One entry a step, in workflow order.
    """

    id: str
    name: str
    status: RunStatus
    created: float
    ended: float | None = None
    message: str = ""
    backend: str = "local"
    retry_of: str | None = None
    cancelling: bool = False
    parameters: dict[str, Any] = {}
    metrics: dict[str, float] = {}
    steps: tuple[StepState, ...] = ()

    def step(self, name: str) -> StepState:
        """The state of one step.

        Raises:
            KeyError: There is no such step.
        """
        return {each.name: each for each in self.steps}[name]


def fold(
    run: RunDocument,
    workflow: Workflow,
    documents: Iterable[tuple[str, Document]],
    *,
    alive: bool = True,
) -> RunState:
    """Compute the state of a run and its steps.

    Args:
        run: The run's document.
        workflow: The run's workflow.
        documents: Name and content of every other document of the run, in any order.
        alive: Whether the run's owner (supervisor, engine) still exists; it matters only while the
            run has no end.

    Returns:
        The state.
    """
    known = sorted(documents, key=lambda item: item[0])
    events = _of(known, Event)
    end = next(iter(_of(known, RunEnd)), None)
    status = _run_status(known, end, alive)
    starts, ends = _of(known, AttemptStart), _of(known, AttemptEnd)
    steps: dict[str, StepState] = {}
    for step in workflow.steps:
        budget = run.infrastructure_retries if status not in ENDED else None
        state = _latest(step, starts, ends, budget)
        steps[step.name] = _settle(step, state, steps, events, status)
    metrics: dict[str, float] = {}
    for state in steps.values():
        metrics.update(state.metrics)
    order = [metric.name for metric in workflow.metrics]
    return RunState(
        id=run.id,
        name=run.name,
        status=status,
        created=run.created,
        ended=end.ended if end else None,
        message=end.message if end else "",
        backend=run.backend,
        retry_of=run.retry_of,
        cancelling=status not in ENDED and any(event.kind == "cancel" for event in events),
        parameters=run.arguments,
        metrics=_ordered(metrics, order),
        steps=tuple(
            msgspec.structs.replace(state, metrics=_ordered(state.metrics, order))
            for state in steps.values()
        ),
    )


def may_retry(step: Step, end: AttemptEnd, ends: Iterable[AttemptEnd], budget: int) -> bool:
    """Whether another attempt follows an end, unless the run is cancelled.

    Args:
        step: The step.
        end: The end of its last attempt.
        ends: The ends of all of its attempts.
        budget: How many of them may be lost to the machine before the step's `retries` count.
    """
    lost = sum(1 for each in ends if each.infrastructure and each.attempt <= end.attempt)
    counted = end.attempt - min(lost, budget)
    return end.status in RETRIED and end.retryable and counted <= step.retries


def decision(step: str, events: Iterable[Event]) -> Event | None:
    """The first answer to a step's question; later ones do not count."""
    answers = [each for each in events if each.step == step and each.kind != "cancel"]
    return min(answers, key=lambda each: each.id, default=None)


def attempt_state(
    name: str, attempt: int, start: AttemptStart | None, end: AttemptEnd | None
) -> StepState:
    """The state of a step in one of its attempts.

    Args:
        name: The step.
        attempt: Number of the attempt.
        start: Its start, if it is known.
        end: Its end, if it has ended.
    """
    started = start.started if start else None
    if end is None:
        return StepState(name=name, status="running", attempt=attempt, started=started)
    shown = {field: getattr(end, field) for field in _OF_THE_END}
    return StepState(name=name, started=started, **shown)


def _ordered(metrics: dict[str, float], order: list[str]) -> dict[str, float]:
    """Metrics in the order of the notebook's metrics cells; others come last."""
    return {name: metrics[name] for name in [*order, *metrics] if name in metrics}


def _of(known: list[tuple[str, Document]], kind: type[Kind]) -> list[Kind]:
    return [document for _, document in known if isinstance(document, kind)]


def _run_status(known: list[tuple[str, Document]], end: RunEnd | None, alive: bool) -> RunStatus:
    if end is not None:
        return end.status
    if not alive:
        return "lost"
    return "running" if any(not isinstance(each, Event) for _, each in known) else "pending"


def _latest(
    step: Step, starts: list[AttemptStart], ends: list[AttemptEnd], budget: int | None
) -> StepState:
    """The attempt that shows the step's state: the first that succeeded, else the last.

    Between a failed attempt and the next one the step is pending. A run that has ended has no
    budget, so no attempt follows.
    """
    began = {each.attempt: each for each in reversed(starts) if each.step == step.name}
    ended = {each.attempt: each for each in reversed(ends) if each.step == step.name}
    if not began and not ended:
        return StepState(name=step.name)
    good = [number for number, each in ended.items() if each.status in GOOD]
    number = min(good) if good else max(began.keys() | ended.keys())
    start, end = began.get(number), ended.get(number)
    state = attempt_state(step.name, number, start, end)
    if end is None or budget is None or not may_retry(step, end, ended.values(), budget):
        return state
    return msgspec.structs.replace(state, status="pending")


def _settle(
    step: Step,
    state: StepState,
    before: Mapping[str, StepState],
    events: list[Event],
    run: RunStatus,
) -> StepState:
    """The state of a step, given its parents and the run."""
    if step.approval is not None:
        state = msgspec.structs.replace(state, answer=decision(step.name, events))
    if state.status == "running":
        if run in ENDED:
            status: StepStatus = "cancelled" if run == "cancelled" else "lost"
            return msgspec.structs.replace(state, status=status)
        return state
    if state.attempt:
        return state
    parents = [before[name].status for name in step.needs]
    if any(status not in GOOD | OPEN for status in parents):
        return msgspec.structs.replace(state, status="skipped")
    if run in ENDED:
        return msgspec.structs.replace(state, status=_NEVER_STARTED[run])
    asked = step.approval is not None and all(status in GOOD for status in parents)
    if asked and state.answer is None:
        return msgspec.structs.replace(state, status="waiting", question=step.approval)
    return state


_NEVER_STARTED: dict[str, StepStatus] = {
    "cancelled": "cancelled",
    "lost": "lost",
    "failed": "skipped",
    "succeeded": "skipped",
}
