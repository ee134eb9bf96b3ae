"""The driver of a study: asks for parameters, launches a run for each trial, tells the results.

It keeps nothing that is not written down. Each step is recorded before the next one begins:

1. the sampler proposes a trial and remembers it as running,
2. `TrialStart` names the run, whose id follows from study, number and attempt,
3. the run is launched; a second launch of the same id starts nothing,
4. `TrialEnd` records the result,
5. the sampler is told.

So another driver can continue wherever this one stops.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ithaca.errors import IthacaError
from ithaca.model.run import Trial
from ithaca.model.study import SessionEnd, TrialEnd, TrialStart
from ithaca.records.fold import ENDED
from ithaca.tuning.space import typed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.model.study import SessionStart, StudyDocument, TrialState
    from ithaca.records.fold import RunState
    from ithaca.runs import Preparation, Run
    from ithaca.tuning.record import StudyRecord, TrialRecord
    from ithaca.tuning.sampler import Proposal, Sampler

POLL, POLL_REMOTE = 0.1, 2.0
"""Seconds between two looks at the running trials, here and on a cluster."""

POLL_STOP = 1.0
"""Seconds between two looks for a request to stop."""

LOST = 3
"""How many attempts of a trial in a row may be lost before it has failed."""

Reason = Literal["finished", "goal", "timeout", "failures", "stopped"]


@dataclass
class Live:
    """A trial that runs.

    Attributes:
        proposal: Its number and parameters.
        attempt: Its attempt.
        run: The run of this attempt.
    """

    proposal: Proposal
    attempt: int
    run: Run


class Driver:
    """Runs trials until the study has enough.

    Args:
        prepared: The workflow, with the executions that all trials share.
        record: The study's documents.
        session: This session's document.
        sampler: Proposes the trials.
        report: Called after each change of a trial.
        sleep: Waits a moment.
    """

    def __init__(
        self,
        prepared: Preparation,
        record: StudyRecord,
        session: SessionStart,
        sampler: Sampler,
        report: Callable[[TrialRecord], None] = lambda _trial: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.prepared, self.record, self.session, self.sampler = prepared, record, session, sampler
        self.study: StudyDocument = record.study()
        self._report, self._sleep = report, sleep
        self.live: dict[int, Live] = {}
        self._done = 0
        self._failed = 0
        self._lost: Counter[int] = Counter()
        self._reached = False
        self._exhausted = False
        self._stopped = False
        self._looked = 0.0
        self._pause = POLL_REMOTE if prepared.document.store else POLL

    def drive(self) -> SessionEnd:
        """Run trials to the end.

        An interruption cancels those that run; the next driver starts them again.

        Returns:
            Why it stopped.

        Raises:
            StoreError: The store cannot be written.
            BackendError: The backend cannot be reached.
        """
        try:
            return self._loop()
        except KeyboardInterrupt:
            self._cancel()
            raise

    def _loop(self) -> SessionEnd:
        self._adopt()
        while True:
            self._collect()
            reason = self._reason()
            if reason is None or reason == "timeout":
                self._fill(reason)
            if not self.live and (reason or self._enough()):
                break
            if reason in ("goal", "failures", "stopped"):
                self._cancel()
            self._sleep(self._pause)
        return SessionEnd(ended=time.time(), reason=reason or "finished")

    # -- before

    def _adopt(self) -> None:
        """Continue what an earlier driver of the study began."""
        trials = {trial.number: trial for trial in self.record.trials()}
        for trial in trials.values():
            if trial.end is not None:
                self._count(trial.end)
        for proposal in self.sampler.open():
            known = trials.get(proposal.number)
            if known is not None and known.end is not None:
                self._tell(known.end)
                continue
            attempt = known.attempt if known else 1
            self._start(proposal, attempt)
            # An interrupted driver cancels its runs: such a trial has no result yet.
            if self.live[proposal.number].run.status == "cancelled":
                self._start(proposal, attempt + 1)

    # -- during

    def _fill(self, reason: Reason | None) -> None:
        """Start trials while there is room for them."""
        while reason is None and len(self.live) < self.session.parallel and not self._enough():
            proposal = self.sampler.ask()
            if proposal is None:
                self._exhausted = True
                return
            self._start(proposal, 1)

    def _enough(self) -> bool:
        """Whether no further trial is wanted, or the sampler has none."""
        wanted = self.session.trials
        return self._exhausted or (wanted is not None and self._done + len(self.live) >= wanted)

    def _start(self, proposal: Proposal, attempt: int) -> None:
        """Record an attempt of a trial, and launch its run unless that exists."""
        run_id = self.record.run_id(proposal.number, attempt)
        searched = typed(self.study.space, proposal.parameters, self.prepared.workflow)
        self.record.start_trial(
            TrialStart(
                number=proposal.number,
                attempt=attempt,
                run=run_id,
                parameters=searched,
                started=time.time(),
            )
        )
        run = self.prepared.launch(
            {**self.study.fixed, **searched},
            run_id=run_id,
            trial=Trial(study=self.study.name, number=proposal.number, attempt=attempt),
        )
        self.live[proposal.number] = Live(proposal, attempt, run)
        self._show(proposal.number)

    def _collect(self) -> None:
        """Record the trials whose runs have ended, and tell the sampler."""
        for number, live in list(self.live.items()):
            state = live.run.observe()
            if state.status not in ENDED:
                continue
            live.run.reconcile()
            del self.live[number]
            if self._may_retry(live, state):
                self._start(live.proposal, live.attempt + 1)
                continue
            end = self.record.end_trial(self._result(number, state))
            self._count(end)
            self._tell(end)
            self._show(number)

    def _may_retry(self, live: Live, state: RunState) -> bool:
        """Whether another attempt of a trial may succeed."""
        if state.status == "lost":  # its machine failed, not the trial
            self._lost[live.proposal.number] += 1
            return self._lost[live.proposal.number] < LOST
        failures = live.attempt - self._lost[live.proposal.number]
        return state.status == "failed" and failures <= self.session.retries

    def _result(self, number: int, state: RunState) -> TrialEnd:
        """The result of a trial whose run has ended."""
        asked = len(state.steps)
        ran = sum(step.attempt > 0 and step.status != "reused" for step in state.steps)
        values = [state.metrics.get(each.metric) for each in self.study.objectives]
        reason = ""
        if state.status == "succeeded":
            for objective, value in zip(self.study.objectives, values, strict=True):
                if value is None:
                    reason = f"the run published no metric {objective.metric}"
                elif not math.isfinite(value):
                    reason = f"the metric {objective.metric} is {value}"
        else:
            reason = _why(state)
        excess = [
            each.excess(state.metrics.get(each.metric, math.inf)) for each in self.study.constraints
        ]
        return TrialEnd(
            number=number,
            state=_state(state, reason),
            run=state.id,
            values=() if reason else tuple(value for value in values if value is not None),
            metrics=state.metrics,
            feasible=all(each <= 0 for each in excess),
            reason=reason,
            ended=time.time(),
            asked=asked,
            ran=ran,
        )

    def _tell(self, end: TrialEnd) -> None:
        excess = {
            str(each): each.excess(end.metrics.get(each.metric, math.inf))
            for each in self.study.constraints
        }
        self.sampler.tell(end.number, end.state, end.values, excess)

    def _count(self, end: TrialEnd) -> None:
        self._done += end.state != "cancelled"
        self._failed += end.state == "failed"
        if end.state == "complete" and end.feasible and len(end.values) == 1:
            self._reached |= self.study.objectives[0].reached(end.values[0])

    def _reason(self) -> Reason | None:
        """Why no further trial shall start, if so."""
        session = self.session
        if self._reached:
            return "goal"
        if session.max_failures is not None and self._failed > session.max_failures:
            return "failures"
        if self._is_stopped():
            return "stopped"
        if session.timeout is not None and time.time() - session.started > session.timeout:
            return "timeout"
        return None

    def _is_stopped(self) -> bool:
        """Whether somebody asked the study to stop; looks at most once in a while."""
        if not self._stopped and time.monotonic() - self._looked >= POLL_STOP:
            self._looked = time.monotonic()
            self._stopped = self.record.stops_since(self.session.id)
        return self._stopped

    def _cancel(self) -> None:
        """Cancel the trials that are not needed any more."""
        for live in self.live.values():
            if live.run.observe().status not in ENDED:
                try:
                    live.run.cancel()
                except IthacaError:
                    continue  # it has just ended

    def _show(self, number: int) -> None:
        trial = self.record.trial(number)
        if trial is not None:
            self._report(trial)


def _state(state: RunState, reason: str) -> TrialState:
    if not reason:
        return "complete"
    return "cancelled" if state.status == "cancelled" else "failed"


def _why(state: RunState) -> str:
    """Why a run did not succeed, in one line."""
    for step in state.steps:
        if step.error is not None:
            return f"step {step.name} failed: {step.error.message}"
    return state.message or f"the run was {state.status}"
