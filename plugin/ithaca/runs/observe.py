"""How runs stand: pure reads of documents and of what their backends know.

`observe` writes nothing, so a page may call it every second and a reader needs no right to write.
`reconcile` writes the ends that `observe` computes; the owner of a run, a watcher, the last pod
and explicit commands call it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.backends import Observation
from ithaca.errors import Cancelled, IthacaError, NotFound, RunFailed, StepFailed
from ithaca.records.draft import Draft
from ithaca.records.fold import ENDED, RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ithaca.backends import Session
    from ithaca.model.run import Event, Obstacle
    from ithaca.records.fold import StepState
    from ithaca.records.journal import Journal


def observe(
    journal: Journal,
    connect: Callable[[], Session | None],
    *,
    reader: bool = False,
) -> RunState:
    """How a run stands now. Nothing is written.

    Args:
        journal: The run's documents.
        connect: Reaches the run on its backend, while it has no end; None where that is not
            possible from here, so that the documents alone count.
        reader: Whether the store may only be read: such a reader may look at another cluster, so
            that a missing object does not mean a lost run.

    Returns:
        The fold of the run's documents and of the ends that its backend knows and that are not
        written yet.

    Raises:
        NotFound: There is no such run.
        StoreError: The store cannot be read.
    """
    known, seen = with_ends(journal, connect)
    alive = seen.alive or reader
    if not alive:
        journal.store.invalidate()
    return _with_obstacles(known.state(alive=alive), seen.obstacles)


def with_ends(
    journal: Journal, connect: Callable[[], Session | None]
) -> tuple[Journal, Observation]:
    """A run's documents together with the ends that its backend knows.

    Args:
        journal: The run's documents.
        connect: As in `observe`.

    Returns:
        A journal to read from, and what the backend knows.
    """
    # The backend is asked first: an owner that is gone has written its end before.
    session = None
    if journal.ended() is None:
        session = connect()
    elif journal.unexplained():
        with contextlib.suppress(IthacaError):  # the documents alone will do
            session = connect()
    seen = Observation() if session is None else session.observe(journal.id)
    return (journal.over(Draft(journal.store, seen.ends)) if seen.ends else journal), seen


def reconcile(journal: Journal, session: Session) -> None:
    """Write the ends of a run's attempts, and its own, that nothing else can write any more.

    Args:
        journal: The run's documents.
        session: Reaches the run on its backend.

    Raises:
        StoreError: The store cannot be written.
    """
    if journal.ended() is None or journal.unexplained():
        session.reconcile(journal.id)


def error_of(state: RunState) -> IthacaError | None:
    """What went wrong with a run, as an exception.

    Args:
        state: How the run stands.

    Returns:
        The first failed step's error, or why the run was cancelled or lost; None for a run that
        succeeded or has not ended.
    """
    if state.status not in ENDED or state.status == "succeeded":
        return None
    if state.status == "cancelled":
        return Cancelled("ITH630", f"run {state.id} was cancelled")
    cure = f"`ithaca runs retry {state.id}` continues from the steps that succeeded"
    for step in state.steps:
        if step.error is not None:
            cell = f"/cell {step.error.cell}" if step.error.cell is not None else ""
            line = f" line {step.error.line}" if step.error.line is not None else ""
            return StepFailed(
                step.error.code,
                step.error.message.removeprefix(f"step {step.name} "),  # `where` names it
                where=f"{step.name}{cell}{line}",
                cure=step.error.cure or cure,
            )
    reason = state.message or f"it is {state.status}"
    return RunFailed("ITH631", f"run {state.id} did not succeed: {reason}", cure=cure)


def unknown_step(run_id: str, name: str, known: Iterable[str]) -> NotFound:
    """The error of a name that is no step of a run.

    Args:
        run_id: The run.
        name: The name.
        known: Names of its steps.
    """
    return NotFound(
        "ITH605",
        f"there is no step `{name}`",
        where=f"run {run_id}",
        cure=f"its steps are: {', '.join(known)}",
    )


def describe(state: RunState, url: str) -> dict[str, Any]:
    """A run as plain data: the object that `ithaca run --json` prints.

    Args:
        state: How the run stands.
        url: Its page, or its URI.
    """
    return {
        "id": state.id,
        "status": state.status,
        "metrics": state.metrics,
        "parameters": state.parameters,
        "steps": [describe_step(step) for step in state.steps],
        "url": url,
    }


def describe_step(step: StepState) -> dict[str, Any]:
    """A step as plain data."""
    seconds = step.seconds
    return {
        "name": step.name,
        "status": step.status,
        "reused_from": step.reused_from,
        "seconds": None if seconds is None else round(seconds, 3),
        "before": step.before,
        "after": step.after,
        "question": step.question,
        "answer": None if step.answer is None else _describe_answer(step.answer),
        "obstacle": msgspec.to_builtins(step.obstacle),
        "error": msgspec.to_builtins(step.error),
    }


def _describe_answer(answer: Event) -> dict[str, Any]:
    return {
        "answer": "approved" if answer.kind == "approve" else "rejected",
        "by": answer.by,
        "at": answer.at,
        "comment": answer.comment,
    }


def _with_obstacles(state: RunState, obstacles: Mapping[str, Obstacle]) -> RunState:
    if state.status in ENDED or not obstacles:
        return state
    return msgspec.structs.replace(
        state,
        steps=tuple(
            msgspec.structs.replace(step, obstacle=obstacles[step.name])
            if step.status == "pending" and step.name in obstacles
            else step
            for step in state.steps
        ),
    )
