"""A run as a Python object: everything is read from its records."""

from __future__ import annotations

import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.errors import Cancelled, NotFound, RunFailed, StepFailed, UsageError
from ithaca.records import names
from ithaca.records.fold import ENDED, OPEN, attempt_state
from ithaca.records.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.backends import Session
    from ithaca.model.run import Event, Obstacle, RunStatus, StepError
    from ithaca.records.fold import RunState, StepState
    from ithaca.runs.project import Project
    from ithaca.values import NamedValue

POLL = 0.2
"""Seconds between two looks at the records while we wait."""


class Run:
    """A run.

    Args:
        project: The project that it belongs to.
        run_id: Its full id.

    Example:
        >>> run = ithaca.run("train.ipynb")  # doctest: +SKIP
        >>> run.wait().status  # doctest: +SKIP
        'succeeded'
    """

    def __init__(self, project: Project, run_id: str) -> None:
        self.project = project
        self.id = run_id
        self.store = project.store_of(run_id)
        self.journal = Journal(self.store, run_id)

    def __repr__(self) -> str:
        return f"<ithaca.Run {self.id}>"

    @cached_property
    def session(self) -> Session:
        """Reaches the run on its backend."""
        backend = self.project.backend(self.journal.run().backend)
        return backend.session(self.project.home, self.store)

    @cached_property
    def _only_read(self) -> bool:
        """Whether the run is kept on a remote to which nothing is to be written."""
        return self.project.access != "write" and bool(self.journal.run().store)

    def state(self) -> RunState:
        """Everything that is known of the run now."""
        # Whether the owner lives is asked first: an owner that is gone has written its end before.
        # Who may write nothing leaves it to others to find that out, and to write it down.
        over = self.journal.ended() is not None or self._only_read
        alive = over or self.session.alive(self.id)
        if not alive:
            self.store.invalidate()
        state = self.journal.state(alive=alive)
        if state.status in ENDED or all(each.status != "pending" for each in state.steps):
            return state
        return _with_obstacles(state, self.session.obstacles(self.id))

    @property
    def status(self) -> RunStatus:
        """`pending`, `running`, `succeeded`, `failed`, `cancelled` or `lost`."""
        return self.state().status

    @property
    def metrics(self) -> dict[str, float]:
        """What its steps published so far."""
        return self.state().metrics

    @property
    def steps(self) -> tuple[StepState, ...]:
        """How each step stands, in workflow order."""
        return self.state().steps

    @property
    def url(self) -> str:
        """The run's page in its engine, else its URI."""
        return self.session.url(self.id) or names.uri("runs", self.id)

    def wait(self, timeout: float | None = None) -> Run:
        """Wait until the run has ended, however it does.

        Args:
            timeout: Seconds; None waits for ever.

        Returns:
            The run itself.

        Raises:
            TimeoutError: It has not ended in time.
        """
        last = None if timeout is None else time.monotonic() + timeout
        with self.session.follow(self.id) as sleep:
            while self.status not in ENDED:
                if last is not None and time.monotonic() > last:
                    raise TimeoutError(f"run {self.id} has not ended within {timeout} s")
                sleep(POLL)
        return self

    def raise_for_status(self) -> Run:
        """Raise what went wrong, if the run has ended and anything did.

        Raises:
            Cancelled: It was cancelled.
            StepFailed: A step failed.
            RunFailed: It ended otherwise than succeeded.
        """
        state = self.state()
        if state.status not in ENDED or state.status == "succeeded":
            return self
        if state.status == "cancelled":
            raise Cancelled("ITH630", f"run {self.id} was cancelled")
        go_on = f"`ithaca runs retry {self.id}` goes on from what succeeded"
        for step in state.steps:
            if step.error is not None:
                raise StepFailed(
                    step.error.code,
                    step.error.message.removeprefix(f"step {step.name} "),  # `where` names it
                    where=_place(step.name, step.error),
                    cure=step.error.cure or go_on,
                )
        said = state.message or f"it is {state.status}"
        raise RunFailed("ITH631", f"run {self.id} did not succeed: {said}", cure=go_on)

    def logs(self, step: str, attempt: int | None = None) -> str:
        """What a step printed.

        Args:
            step: Name of the step.
            attempt: Number of the attempt; the one that counts when None. A reused step has the
                log of the execution that it was reused from.
        """
        journal, number = self._attempt(step, attempt)
        return journal.log(step, number)[0].decode(errors="replace")

    def notebook(self, step: str, attempt: int | None = None) -> bytes:
        """The executed notebook of a step, as JSON.

        Raises:
            NotFound: The step has none (yet).
        """
        journal, number = self._attempt(step, attempt)
        try:
            return journal.notebook(step, number)
        except NotFound:
            state = self.state()
            over = state.status in ENDED or state.step(step).status not in OPEN
            raise NotFound(
                "ITH604",
                f"step `{step}` has no executed notebook" + ("" if over else " yet"),
                where=f"run {self.id}",
                cure=f"`ithaca runs show {self.id}/{step}` says "
                + ("why it began no cell" if over else "how far it is"),
            ) from None

    def attempts(self, step: str) -> tuple[StepState, ...]:
        """How each attempt of a step went, the first one first.

        Args:
            step: Name of the step.
        """
        known = self.step(step)
        return tuple(
            attempt_state(
                known.name,
                number,
                self.journal.attempt_start(step, number),
                self.journal.attempt_end(step, number),
            )
            for number in self.journal.attempts(step)
        )

    def values(self, step: str) -> tuple[NamedValue, ...]:
        """What names are bound to after a step, its own values and those that it passed on.

        Nothing is loaded. There are none while the step has left no snapshot, or when it is gone.

        Args:
            step: Name of the step.
        """
        from ithaca.runs.values import values_of
        from ithaca.store import entries

        after, store = self.step(step).after, self.store
        if after is None:
            return ()
        try:
            return values_of(store, entries(store, after))
        except NotFound:
            return ()

    def cancel(self) -> None:
        """Ask the run to end; `wait()` waits until it has."""
        self._ask("cancel")

    def approve(self, step: str, comment: str = "") -> None:
        """Let a step run that waits for an answer."""
        self._answer("approve", step, comment)

    def reject(self, step: str, comment: str = "") -> None:
        """Do not let a step run that waits for an answer: it fails."""
        self._answer("reject", step, comment)

    def retry(self) -> Run:
        """Start a new run of the recorded workflow that goes on from what succeeded.

        Raises:
            UsageError: The run has not ended, or has nothing left to do.
        """
        from ithaca.runs.submission import retry

        return retry(self)

    def to_json(self) -> str:
        """What `ithaca run --json` prints."""
        return msgspec.json.encode(describe(self.state(), self.url)).decode()

    def junit(self) -> str:
        """What `ithaca run --junit` writes: the run as JUnit XML, a test case a step."""
        from ithaca.runs.junit import junit

        return junit(self)

    def _ask(self, kind: str, step: str | None = None, comment: str = "") -> None:
        if self._only_read:
            self.project.refuse_writing(self.journal.run().store)
        if self.journal.ended() is not None:
            raise UsageError("ITH905", f"the run has ended: {self.status}", where=f"run {self.id}")
        if not self.session.alive(self.id):
            raise UsageError(
                "ITH905",
                "the run's owner is gone, so nobody hears",
                where=f"run {self.id}",
                cure=f"`ithaca runs retry {self.id}` goes on from what succeeded",
            )
        if step is not None and self.session.answer(self.id, step, kind, comment):
            return
        self.journal.ask(kind, step=step, comment=comment)
        self.session.wake(self.id)

    def _answer(self, kind: str, step: str, comment: str) -> None:
        known = self.step(step)
        if self.journal.workflow().step(step).approval is None or known.attempt:
            waiting = [each.name for each in self.steps if each.status == "waiting"]
            raise UsageError(
                "ITH906",
                f"step `{step}` asks nothing",
                where=f"run {self.id}",
                cure=f"waiting are: {', '.join(waiting)}" if waiting else "no step of the run does",
            )
        self._ask(kind, step, comment)

    def step(self, name: str) -> StepState:
        """How one step stands.

        Raises:
            NotFound: The run has no step of that name.
        """
        state = self.state()
        try:
            return state.step(name)
        except KeyError:
            known = ", ".join(step.name for step in state.steps)
            raise NotFound(
                "ITH605",
                f"there is no step `{name}`",
                where=f"run {self.id}",
                cure=f"its steps are: {known}",
            ) from None

    def _attempt(self, step: str, attempt: int | None) -> tuple[Journal, int]:
        """Where an attempt's log and notebook are: those of a reused step are in another run."""
        known = self.step(step)
        if attempt is not None and attempt not in self.journal.attempts(step):
            raise NotFound(
                "ITH607",
                f"step `{step}` has no attempt {attempt}",
                where=f"run {self.id}",
                cure=f"`ithaca runs show {self.id}/{step}` lists its attempts",
            )
        if attempt is not None or known.reused_from is None:
            return self.journal, attempt or known.attempt
        origin = Journal(self.journal.store, known.reused_from)
        for number in origin.attempts(step):
            end = origin.attempt_end(step, number)
            if end is not None and end.execution == known.execution and end.reused_from is None:
                return origin, number
        return self.journal, known.attempt


def _with_obstacles(state: RunState, obstacles: Mapping[str, Obstacle]) -> RunState:
    return msgspec.structs.replace(
        state,
        steps=tuple(
            msgspec.structs.replace(step, obstacle=obstacles[step.name])
            if step.status == "pending" and step.name in obstacles
            else step
            for step in state.steps
        ),
    )


def describe(state: RunState, url: str) -> dict[str, Any]:
    """A run as one object of plain data, in the form that DESIGN gives `ithaca run --json`."""
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
        "answer": None if step.answer is None else _answered(step.answer),
        "obstacle": None if step.obstacle is None else msgspec.to_builtins(step.obstacle),
        "error": None if step.error is None else msgspec.to_builtins(step.error),
    }


def _answered(answer: Event) -> dict[str, Any]:
    return {
        "answer": "approved" if answer.kind == "approve" else "rejected",
        "by": answer.by,
        "at": answer.at,
        "comment": answer.comment,
    }


def _place(step: str, error: StepError) -> str:
    """`train/cell 7 line 2`, as far as it is known."""
    cell = f"/cell {error.cell}" if error.cell is not None else ""
    line = f" line {error.line}" if error.line is not None else ""
    return f"{step}{cell}{line}"
