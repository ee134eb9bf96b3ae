"""A run as a Python object: everything is read from its documents."""

from __future__ import annotations

import contextlib
import time
from functools import cached_property
from typing import TYPE_CHECKING

import msgspec

from ithaca.errors import IthacaError, NotFound, UsageError
from ithaca.records import names
from ithaca.records.fold import ENDED, OPEN, attempt_state
from ithaca.records.journal import Journal, find_run, list_runs
from ithaca.runs.observe import describe, error_of, observe, reconcile, unknown_step, with_ends
from ithaca.runs.progress import shown
from ithaca.runs.submission import retry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ithaca.backends import Session
    from ithaca.model.run import Progress, RunDocument, RunStatus
    from ithaca.model.workflow import Workflow
    from ithaca.records.fold import RunState, StepState
    from ithaca.runs.project import Project
    from ithaca.store import Store
    from ithaca.values import NamedValue

POLL = 0.2
"""Seconds between two reads of the documents while a run is watched."""


def open_run(project: Project, text: str) -> Run:
    """The run of that id, unique start of an id, or `latest`.

    Raises:
        NotFound: There is none.
        UsageError: Several ids start so.
    """
    return Run(project, find_run(project.readable_store(), text))


def open_runs(project: Project) -> list[Run]:
    """All runs of a project, oldest first; none when it has no store."""
    if project.remote is None and not (project.home / "store").exists():
        return []
    return [Run(project, each) for each in list_runs(project.readable_store())]


class Run:
    """A run.

    Example:
        >>> run = ithaca.run("train.ipynb")  # doctest: +SKIP
        >>> run.wait().status  # doctest: +SKIP
        'succeeded'
    """

    def __init__(
        self,
        project: Project,
        run_id: str,
        store: Store | None = None,
        session: Session | None = None,
    ) -> None:
        self.id, self._project = run_id, project
        self._store = store or project.store_of(run_id)
        self._journal = Journal(self._store, run_id)
        self._shared_session = session

    def __repr__(self) -> str:
        return f"<ithaca.Run {self.id}>"

    def _repr_html_(self) -> str:
        """The run's steps as a graph and a table, for notebooks."""
        from ithaca.runs.html import run_html

        return run_html(self.observe(), self.workflow)

    @cached_property
    def _session(self) -> Session:
        """Reaches the run on its backend."""
        if self._shared_session is not None:
            return self._shared_session
        backend = self._project.backend(self.document.backend)
        return backend.session(self._project.home, self._store)

    def _known(self) -> Journal:
        """The documents, with the ends that only the backend knows."""
        return with_ends(self._journal, self._connect)[0]

    def _connect(self) -> Session | None:
        """The session; None for a reader who has no access to the backend."""
        try:
            return self._session
        except IthacaError:
            if self._read_only:
                return None
            raise

    @property
    def _read_only(self) -> bool:
        """Whether the run is kept on a remote that must not be written."""
        return self._project.access != "write" and bool(self.document.store)

    @property
    def document(self) -> RunDocument:
        """What was submitted: arguments, backend, source, plan, notices."""
        return self._journal.run()

    @property
    def workflow(self) -> Workflow:
        """The workflow that runs."""
        return self._journal.workflow()

    @property
    def home(self) -> Path:
        """The folder with Ithaca's own files."""
        return self._project.home

    def observe(self) -> RunState:
        """Everything that is known of the run at one moment; `status` and others are parts of it.

        Nothing is written.
        """
        return observe(self._journal, self._connect, reader=self._read_only)

    def reconcile(self) -> None:
        """Write the ends that nothing else can write any more, such as those of killed pods.

        `wait`, `watch`, `cancel` and `retry` do it; a reader cannot.
        """
        if not self._read_only:
            reconcile(self._journal, self._session)

    @property
    def status(self) -> RunStatus:
        """`pending`, `running`, `succeeded`, `failed`, `cancelled` or `lost`."""
        return self.observe().status

    @property
    def metrics(self) -> dict[str, float]:
        """What its steps published so far."""
        return self.observe().metrics

    @property
    def steps(self) -> tuple[StepState, ...]:
        """The state of each step, in workflow order."""
        return self.observe().steps

    @property
    def url(self) -> str:
        """The run's page in its engine, else its URI."""
        return self._session.url(self.id) or names.uri("runs", self.id)

    def watch(self, pause: float = POLL) -> Iterator[RunState]:
        """The state of the run, again and again until it has ended.

        Args:
            pause: Seconds between two states at most; a change on a cluster comes at once.

        Yields:
            What `observe()` returns; the last one has ended.

        Raises:
            BackendError: The cluster does not allow to watch the run any more (ITH665).
        """
        with self._session.follow(self.id) as sleep:
            while True:
                self.reconcile()
                state = self.observe()
                if state.status in ENDED:
                    self.reconcile()  # the end may have become known since
                yield state
                if state.status in ENDED:
                    return
                sleep(pause)

    def wait(self, timeout: float | None = None, *, progress: bool = False) -> Run:
        """Wait until the run has ended, however it does.

        Args:
            timeout: Seconds; None waits without a limit.
            progress: Show a table of the steps while waiting, in a terminal or a notebook.

        Returns:
            The run itself.

        Raises:
            TimeoutError: It has not ended in time.

        Example:
            >>> run.wait(progress=True).status  # doctest: +SKIP
            'succeeded'
        """
        last = None if timeout is None else time.monotonic() + timeout
        with contextlib.ExitStack() as stack:
            show = None
            if progress:
                show = stack.enter_context(shown(self.workflow, self.progress))
            for state in self.watch():
                if show is not None:
                    show(state)
                if last is not None and state.status not in ENDED and time.monotonic() > last:
                    raise TimeoutError(f"run {self.id} has not ended within {timeout:g} s")
        return self

    def raise_for_status(self) -> Run:
        """Raise what went wrong, if the run has ended and anything did.

        Raises:
            Cancelled: It was cancelled.
            StepFailed: A step failed.
            RunFailed: It ended otherwise than succeeded.
        """
        if (error := error_of(self.observe())) is not None:
            raise error
        return self

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
            state = self.observe()
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
        journal = self._known()
        return tuple(
            attempt_state(
                known.name,
                number,
                journal.attempt_start(step, number),
                journal.attempt_end(step, number),
            )
            for number in journal.attempts(step)
        )

    def values(self, step: str) -> tuple[NamedValue, ...]:
        """What names are bound to after a step, its own values and those that it passed on.

        Nothing is loaded. There are none while the step has left no snapshot, or when it is gone.

        Args:
            step: Name of the step.
        """
        from ithaca.runs.contents import values_of
        from ithaca.store import entries

        after, store = self.step(step).after, self._store
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
        """Start a new run of the recorded workflow that reuses the steps that succeeded.

        Raises:
            UsageError: The run has not ended, or has nothing left to do.
        """
        self.reconcile()
        return Run(self._project, retry(self._project, self._journal, self._store, self.observe()))

    def log(self, step: str, attempt: int, *, start: int = 0) -> tuple[bytes, int]:
        """What an attempt printed from chunk `start` on, and the number of the next chunk."""
        return self._journal.log(step, attempt, start=start)

    def has_log(self, step: str) -> bool:
        """Whether the last attempt of a step printed anything."""
        return self._journal.has_log(step, self.step(step).attempt)

    def progress(self, step: str, attempt: int) -> Progress | None:
        """Which cell of an attempt runs, as far as it is known."""
        return self._journal.progress(step, attempt) if attempt else None

    def reports(self) -> dict[int, float]:
        """What its steps reported so far with `ithaca.report`, by step number."""
        return self._journal.reports()

    def submitted_notebook(self) -> bytes:
        """The notebook as it was submitted, as JSON."""
        return self._store.read(names.run(self.id, "notebook"))

    def to_json(self) -> str:
        """What `ithaca run --json` prints."""
        return msgspec.json.encode(describe(self.observe(), self.url)).decode()

    def junit(self) -> str:
        """What `ithaca run --junit` writes: the run as JUnit XML, a test case a step."""
        from ithaca.runs.junit import junit

        return junit(self.observe(), self.logs)

    def _ask(self, kind: str, step: str | None = None, comment: str = "") -> None:
        if self._read_only:
            self._project.refuse_writing(self._journal.run().store)
        self.reconcile()
        status = self.status
        if status in ENDED:
            message, cure = f"the run has ended: {status}", ""
            if status == "lost":
                message = "the run is lost: nothing on its backend runs it any more"
                cure = f"`ithaca runs retry {self.id}` continues from the steps that succeeded"
            raise UsageError("ITH905", message, where=f"run {self.id}", cure=cure)
        if step is not None and self._session.answer(self.id, step, kind, comment):
            return
        self._journal.ask(kind, step=step, comment=comment)
        self._session.wake(self.id)

    def _answer(self, kind: str, step: str, comment: str) -> None:
        known = self.step(step)
        if self._journal.workflow().step(step).approval is None or known.attempt:
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
        state = self.observe()
        try:
            return state.step(name)
        except KeyError:
            raise unknown_step(self.id, name, (step.name for step in state.steps)) from None

    def _attempt(self, step: str, attempt: int | None) -> tuple[Journal, int]:
        """Where an attempt's log and notebook are: those of a reused step are in another run."""
        known = self.step(step)
        journal = self._known()
        if attempt is not None and attempt not in journal.attempts(step):
            raise NotFound(
                "ITH607",
                f"step `{step}` has no attempt {attempt}",
                where=f"run {self.id}",
                cure=f"`ithaca runs show {self.id}/{step}` lists its attempts",
            )
        if attempt is not None or known.reused_from is None:
            return journal, attempt or known.attempt
        origin = Journal(self._journal.store, known.reused_from)
        for number in origin.attempts(step):
            end = origin.attempt_end(step, number)
            if end is not None and end.execution == known.execution and end.reused_from is None:
                return origin, number
        return self._journal, known.attempt
