"""One attempt of a step in a pod: decide whether to run it, run it, report to the engine."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from ulid import ULID

from ithaca.errors import BackendError, NotFound, UsageError
from ithaca.model.run import FINAL, Answer, AttemptEnd, AttemptStart, Event
from ithaca.records import names
from ithaca.records.ends import end_attempt, explain, lost
from ithaca.records.fold import GOOD, decision, may_retry
from ithaca.runner import failure, processes
from ithaca.runner.pod import answers, credentials, document, environment
from ithaca.runner.pod.options import Options, required
from ithaca.runner.pod.output import pass_on, say
from ithaca.runner.step import execute
from ithaca.runner.task import Task

if TYPE_CHECKING:
    from ithaca.model.workflow import Step
    from ithaca.records.journal import Journal
    from ithaca.store import Store

_MOST_METRICS = 1024
"""Bytes of metrics that are passed to the engine."""


def attempt(options: Options) -> int:
    """Execute one attempt of a step, unless the step is over.

    Args:
        options: The command line.

    Returns:
        The exit code.

    Raises:
        IthacaError: No record of it could be written.
    """
    required(options, "step")
    store = document.attach(options)
    journal = document.journal(options, store)
    pod = _Pod(options, store, journal)
    known = pod.known_end()
    if known is not None:
        return pod.report(known)
    if pod.cancelled():
        say(options, f"step `{options.step}`: the run was cancelled")
        return FINAL
    number = pod.number()
    ends = pod.ends()
    if ends and not pod.another(max(ends, key=lambda each: each.attempt)):
        say(options, f"step `{options.step}`: no attempt is left")
        return FINAL
    return pod.report(pod.rejected(number) or pod.run(number))


class _Pod:
    """The step that this pod is for, and the state of its attempts."""

    def __init__(self, options: Options, store: Store, journal: Journal) -> None:
        self.options, self.store, self.journal = options, store, journal
        self.document = journal.run()
        self.step: Step = self._step()

    def _step(self) -> Step:
        for step in self.journal.workflow().steps:
            if step.name == self.options.step:
                return step
        raise UsageError(
            "ITH525",
            f"the workflow has no step `{self.options.step}`",
            cure=f"print the manifests again: `ithaca compile NB --backend {self.options.backend}`",
        )

    def ends(self) -> list[AttemptEnd]:
        """How the attempts so far ended."""
        found = (self.journal.attempt_end(self.step.name, each) for each in self._attempts())
        return [each for each in found if each is not None]

    def _attempts(self) -> list[int]:
        return self.journal.attempts(self.step.name)

    def known_end(self) -> AttemptEnd | None:
        """The end of an attempt that succeeded: an engine repeats pods whose results it lost."""
        return next((each for each in self.ends() if each.status in GOOD), None)

    def cancelled(self) -> bool:
        """Whether the run was cancelled."""
        return any(each.kind == "cancel" for each in self.journal.events())

    def number(self) -> int:
        """The number of this attempt; earlier attempts without an end get one.

        An attempt that has started is never this one, even when its pod has the same name: a pod
        that vanishes before its engine has seen it run is created again under its name.
        """
        number = self.options.retries + 1
        while self.journal.attempt_start(self.step.name, number) is not None:
            number += 1
        self._end_before(number)
        return number

    def _end_before(self, number: int) -> None:
        """Write the missing ends of earlier attempts, with what the engine reports of the last."""
        known = [each for each in self._attempts() if each < number]
        message, code = self.options.last
        before = self.options.retries
        if before and before not in known and before < number and code != FINAL:
            known.append(before)  # its pod ended before it could write anything
        last = max(known, default=0)
        for each in known:
            reported = (message, code) if each == last else ("", None)
            end = self.journal.attempt_end(self.step.name, each)
            if end is None:
                lost(self.journal, self.step.name, each, *reported)
            else:
                explain(self.journal, end, reported[0])

    def another(self, end: AttemptEnd) -> bool:
        """Whether another attempt follows this end."""
        budget = self.options.infrastructure_retries
        if budget is None:
            budget = self.document.infrastructure_retries
        return may_retry(self.step, end, [*self.ends(), end], budget) and not self.cancelled()

    def rejected(self, number: int) -> AttemptEnd | None:
        """The end of a step that may not run: rejected, or the answer cannot be read."""
        try:
            answer = self._answer()
        except (UsageError, BackendError) as error:
            self._start(number)
            transient = isinstance(error, BackendError)
            return end_attempt(
                self.journal,
                self.step.name,
                number,
                failure.of(error),
                retryable=transient,
                infrastructure=transient,
            )
        if answer is None or answer.kind != "reject":
            return None
        self._start(number)
        rejected = failure.rejected(self.step.approval or "", answer.by, answer.comment)
        return end_attempt(self.journal, self.step.name, number, rejected, retryable=False)

    def _answer(self) -> Event | None:
        """The answer to the step's question; None for a step that asks none."""
        options = self.options
        if options.asked:
            given = answers.read(options.asked)
        elif options.decision:
            given = Answer(options.decision, options.by or "a person", options.comment)
        else:
            return None
        known = decision(self.step.name, self.journal.events())
        # Where the question is asked elsewhere, only the answer that was given there counts.
        counts = known is not None and (not options.asked or given[:2] == (known.kind, known.by))
        return known if counts else self._record(given)

    def _record(self, given: Answer) -> Event:
        """Record an answer that was given to the engine."""
        event = Event(
            id=str(ULID()),
            kind="approve" if given.decision == "approve" else "reject",
            at=time.time(),
            by=given.by,
            step=self.step.name,
            comment=given.comment,
        )
        self.journal.create(names.event(self.journal.id, event.id), event)
        return event

    def _start(self, number: int) -> None:
        self.journal.create(
            names.attempt(self.journal.id, self.step.name, number, "start"),
            AttemptStart(
                step=self.step.name,
                attempt=number,
                started=time.time(),
                writer=self.options.writer,
                memory=self.options.memory,
            ),
        )

    def run(self, number: int) -> AttemptEnd:
        """Execute the attempt."""
        options = self.options
        try:
            kernel = environment.kernel(options, self.store)
        except (UsageError, NotFound) as error:
            self._start(number)
            return end_attempt(
                self.journal, self.step.name, number, failure.of(error), retryable=False
            )
        parents = tuple(each for each in options.parents.split(",") if each)
        task = Task(
            store=str(self.store.path),
            run=self.journal.id,
            step=self.step.name,
            attempt=number,
            workflow=self.document.workflow,
            arguments=self.document.arguments,
            source=self.document.source,
            parents=parents,
            root=options.root,
            work=str(Path(options.work) / "attempt"),
            folder=options.root,
            python=kernel.python,
            environment=kernel.identity,
            reuse=self.document.reuse,
            reuse_ignore=self.document.reuse_ignore,
            merge_rules=self.document.merge_rules,
            notebook=self.document.notebook,
            writer=options.writer,
            notices=kernel.notices,
            ends=options.ends(self.document.created),
            deadline=options.deadline,
            memory=options.memory,
            masked=credentials.secrets(),
        )
        Path(task.work).mkdir(parents=True, exist_ok=True)
        processes.adopt()
        return execute(task, store=self.store, cancelled=self.cancelled, restore=kernel.restore)

    def report(self, end: AttemptEnd) -> int:
        """Report to the engine how the attempt ended; returns the exit code."""
        if end.status in GOOD:
            pass_on(self.options, execution=end.execution or "", metrics=_metrics(end.metrics))
            return 0
        text = message(end)
        say(self.options, text)
        print(text, file=sys.stderr)  # noqa: T201
        return 1 if self.another(end) else FINAL


def _metrics(metrics: dict[str, float]) -> bytes:
    """As many of the metrics as fit."""
    fitting: dict[str, float] = {}
    for name, value in metrics.items():
        if len(msgspec.json.encode({**fitting, name: value})) <= _MOST_METRICS:
            fitting[name] = value
    return msgspec.json.encode(fitting)


def message(end: AttemptEnd) -> str:
    """Why an attempt did not succeed, in one line for the engine.

    Example:
        >>> from ithaca.model.run import StepError
        >>> error = StepError(code="ITH501", message="KeyError: 'x'", cell=7, line=2)
        >>> message(AttemptEnd(step="fit", attempt=1, ended=0, status="failed", error=error))
        "step `fit`, cell 7, line 2: KeyError: 'x'"
    """
    if end.error is None:
        return f"step `{end.step}`: {end.status}"
    place = f", {end.error.place}" if end.error.place else ""
    return f"step `{end.step}`{place}: {end.error.message}"
