"""One attempt of a step in a pod: decide whether to run it, run it, report to the engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ithaca.errors import BackendError, NotFound, UsageError
from ithaca.model.run import FINAL, Answer
from ithaca.records.ends import end_attempt, explain, lost
from ithaca.records.fold import GOOD, decision, may_retry
from ithaca.runner import failure, processes
from ithaca.runner.pod import answers, credentials, document, environment
from ithaca.runner.pod.options import Options, required
from ithaca.runner.pod.output import pass_on, report, say
from ithaca.runner.step import execute
from ithaca.runner.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ithaca.model.run import AttemptEnd, Event, StepError
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
    if journal.is_cancelled():
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
        steps = {each.name: each for each in journal.workflow().steps}
        if options.step not in steps:
            raise UsageError(
                "ITH525",
                f"the workflow has no step `{options.step}`",
                cure=f"print the manifests again: `ithaca compile NB --backend {options.backend}`",
            )
        self.step = steps[options.step]

    def ends(self) -> list[AttemptEnd]:
        """How the attempts so far ended."""
        return self.journal.ends(self.step.name)

    def known_end(self) -> AttemptEnd | None:
        """The end of an attempt that succeeded: an engine repeats pods whose results it lost."""
        return next((each for each in self.ends() if each.status in GOOD), None)

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
        known = [each for each in self.journal.attempts(self.step.name) if each < number]
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
        again = may_retry(self.step, end, [*self.ends(), end], budget)
        return again and not self.journal.is_cancelled()

    def rejected(self, number: int) -> AttemptEnd | None:
        """The end of a step that may not run: rejected, or the answer cannot be read."""
        try:
            answer = self._answer()
        except (UsageError, BackendError) as error:
            return self._fail(number, failure.of(error), transient=isinstance(error, BackendError))
        if answer is None or answer.kind != "reject":
            return None
        rejected = failure.rejected(self.step.approval or "", answer.by, answer.comment)
        return self._fail(number, rejected)

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
        if known is not None and (not options.asked or given[:2] == (known.kind, known.by)):
            return known
        kind = "approve" if given.decision == "approve" else "reject"
        return self.journal.ask(kind, step=self.step.name, comment=given.comment, by=given.by)

    def _fail(self, number: int, error: StepError, *, transient: bool = False) -> AttemptEnd:
        """Record an attempt that cannot run its cells; when `transient`, another may."""
        step, options = self.step.name, self.options
        self.journal.start_attempt(step, number, writer=options.writer, memory=options.memory)
        return end_attempt(
            self.journal, step, number, error, retryable=transient, infrastructure=transient
        )

    def run(self, number: int) -> AttemptEnd:
        """Execute the attempt."""
        options = self.options
        try:
            kernel = environment.kernel(options, self.store)
        except (UsageError, NotFound) as error:
            return self._fail(number, failure.of(error))
        task = Task.of(
            self.document,
            store=str(self.store.path),
            step=self.step.name,
            attempt=number,
            parents=tuple(self._parents()),
            root=options.root,
            work=str(Path(options.work) / "attempt"),
            folder=options.root,
            python=kernel.python,
            environment=kernel.identity,
            writer=options.writer,
            notices=kernel.notices,
            ends=options.ends(self.document.created),
            deadline=options.deadline,
            memory=options.memory,
            masked=credentials.secrets(),
        )
        Path(task.work).mkdir(parents=True, exist_ok=True)
        processes.adopt()
        cancelled = self.journal.is_cancelled
        return execute(task, store=self.store, cancelled=cancelled, restore=kernel.restore)

    def _parents(self) -> Iterator[str]:
        """The executions that the step starts from; `@STEP` stands for one in the run's plan."""
        planned = {f"@{each.step}": each.execution for each in self.document.plan}
        for each in filter(None, self.options.parents.split(",")):
            yield planned.get(each) or each

    def report(self, end: AttemptEnd) -> int:
        """Report to the engine how the attempt ended; returns the exit code."""
        if end.status in GOOD:
            pass_on(self.options, execution=end.execution or "", metrics=_metrics(end.metrics))
            return 0
        report(self.options, message(end))
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
