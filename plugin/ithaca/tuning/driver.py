"""The driver of a study: asks for parameters, launches a run for each trial, tells the results.

It keeps nothing that is not written down. Each step is recorded before the next one begins:

1. the sampler proposes a trial and remembers it as running,
2. `TrialStart` gives the attempt the id of its run; the first one that is recorded counts,
3. the run is launched; a second launch of the same id starts nothing,
4. `TrialEnd` records the result,
5. the sampler is told.

So another driver can continue wherever this one stops.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from ithaca.errors import UsageError
from ithaca.model.run import Reports, Trial
from ithaca.model.study import SessionEnd, TrialEnd, TrialPruned, TrialStart
from ithaca.records.fold import ENDED
from ithaca.tuning.space import typed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from ithaca.model.study import SessionStart, StudyDocument, TrialState
    from ithaca.records.fold import RunState
    from ithaca.runs import Preparation, Run
    from ithaca.tuning.record import StudyRecord, TrialRecord
    from ithaca.tuning.sampler import Proposal, Sampler

POLL, POLL_REMOTE = 0.1, 2.0
"""Seconds between two looks at the running trials, here and on a cluster."""

POLL_EACH = 0.005
"""Seconds by which each running trial lengthens this: a look at one takes about a tenth of it."""

SWEEP = 30.0
"""Seconds between two looks at every trial, whatever the backend says."""

PRUNE = 3
"""Looks at the running trials between two looks at what they reported."""

POLL_STOP = 1.0
"""Seconds between two looks for a request to stop."""

LOST = 3
"""How many attempts of a trial may be lost to the machine in one session."""

Reason = Literal["finished", "goal", "timeout", "failures", "stopped"]


@dataclass
class Live:
    """A trial that runs.

    Attributes:
        proposal: Its number and parameters.
        attempt: Its attempt.
        run: The run of this attempt.
        again: Whether the run was cancelled by a driver, so that the trial has no result yet.
        pruned: Why the pruner ended it; None if it did not.
    """

    proposal: Proposal
    attempt: int
    run: Run
    again: bool = False
    pruned: TrialPruned | None = None


class Driver:
    """Runs trials until the study has enough.

    Args:
        prepared: The workflow, with the executions that all trials share.
        record: The study's documents.
        session: This session's document.
        sampler: Proposes the trials.
        report: Called after each change of a trial.
    """

    def __init__(
        self,
        prepared: Preparation,
        record: StudyRecord,
        session: SessionStart,
        sampler: Sampler,
        report: Callable[[TrialRecord], None] = lambda _trial: None,
    ) -> None:
        self.prepared, self.record, self.session, self.sampler = prepared, record, session, sampler
        self.study: StudyDocument = record.study()
        self._report = report
        self.live: dict[int, Live] = {}
        self._waiting: deque[tuple[Proposal, int]] = deque()
        self._done = 0
        self._failed = 0
        self._tries: Counter[int] = Counter()
        self._lost: Counter[int] = Counter()
        self._reached = False
        self._exhausted = False
        self._stopped = False
        self._looked = 0.0
        self._swept = 0.0
        self._pruned = 0.0
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
        with self.prepared.follow_study(self.study.name) as wait:
            try:
                return self._drive(wait)
            except KeyboardInterrupt:
                self._cancel()
                raise

    def _drive(self, wait: Callable[[float], Collection[str] | None]) -> SessionEnd:
        """Run trials to the end.

        Args:
            wait: Waits for some seconds at most, and returns the runs that may have ended.
        """
        self._adopt()
        changed: Collection[str] | None = None
        while True:
            self._collect(changed)
            self._prune()
            reason = self._reason()
            if reason is None:
                self._fill()
            if not self.live and (reason or self._enough()):
                # A time limit that passes with the last trial did not cut anything off.
                if self._enough() and not self._waiting and reason == "timeout":
                    reason = None
                return SessionEnd(ended=time.time(), reason=reason or "finished")
            if reason in ("goal", "failures", "stopped"):
                self._cancel()
            changed = wait(max(self._pause, POLL_EACH * len(self.live)))

    # -- before

    def _adopt(self) -> None:
        """Continue what earlier drivers of the study began."""
        trials = {trial.number: trial for trial in self.record.trials()}
        for trial in trials.values():
            if trial.end is not None:
                self._count(trial.end)
        for proposal in self.sampler.open():
            known = trials.get(proposal.number)
            if known is None:
                self._waiting.append((proposal, 1))
            elif known.end is not None:
                self._tell(known.end)
            else:
                self._take_over(proposal, known)

    def _take_over(self, proposal: Proposal, known: TrialRecord) -> None:
        """Watch the run of a trial, or let the trial wait for another attempt."""
        run = self.prepared.open(known.run)
        if run is None:  # its driver died before it launched the run
            self._waiting.append((proposal, known.attempt))
            return
        state = run.observe()
        if state.status in ("cancelled", "lost") and known.pruned is None:
            self._waiting.append((proposal, known.attempt + 1))
            return
        again = state.cancelling and known.pruned is None
        live = Live(proposal, known.attempt, run, again, known.pruned)
        self.live[proposal.number] = live
        if known.pruned is not None and not state.cancelling:
            _cancel(live)
        self._show(proposal.number)

    # -- during

    def _fill(self) -> None:
        """Start trials while there is room for them."""
        while len(self.live) < self.session.parallel:
            if self._waiting:
                self._start(*self._waiting.popleft())
                continue
            if self._enough():
                return
            proposal = self.sampler.ask()
            if proposal is None:
                self._exhausted = True
                return
            self._start(proposal, 1)

    def _enough(self) -> bool:
        """Whether no further trial is wanted, or the sampler has none."""
        begun = self._done + len(self.live) + len(self._waiting)
        wanted = self.session.trials
        return self._exhausted or (wanted is not None and begun >= wanted)

    def _start(self, proposal: Proposal, attempt: int) -> None:
        """Record an attempt of a trial, and launch its run unless that exists."""
        searched = typed(self.study.space, proposal.parameters, self.prepared.workflow)
        start = self.record.start_trial(
            TrialStart(
                number=proposal.number,
                attempt=attempt,
                run=self.record.run_id(proposal.number, attempt),
                parameters=searched,
                started=time.time(),
            )
        )
        run = self.prepared.launch(
            {**self.study.fixed, **searched},
            run_id=start.run,
            trial=Trial(study=self.study.name, number=proposal.number, attempt=attempt),
        )
        self.live[proposal.number] = Live(proposal, attempt, run)
        self._show(proposal.number)

    def _collect(self, changed: Collection[str] | None) -> None:
        """Record the trials whose runs have ended, and tell the sampler.

        Args:
            changed: The runs that may have ended; None for all of them.
        """
        if time.monotonic() - self._swept > SWEEP:
            changed, self._swept = None, time.monotonic()
        for number, live in list(self.live.items()):
            if changed is not None and live.run.id not in changed:
                continue
            state = live.run.observe()
            if state.status not in ENDED:
                continue
            live.run.reconcile()
            del self.live[number]
            if (live.again and state.status == "cancelled") or self._may_retry(live, state):
                self._waiting.append((live.proposal, live.attempt + 1))
                continue
            end = self.record.end_trial(self._result(live, state))
            self._count(end)
            self._tell(end)
            self._show(number)

    def _prune(self) -> None:
        """End the trials that the pruner gives no chance."""
        if not self.sampler.prunes or time.monotonic() - self._pruned < self._pause * PRUNE:
            return
        self._pruned = time.monotonic()
        self.prepared.store.invalidate()
        for number, live in self.live.items():
            if live.again or live.pruned is not None:
                continue
            reports = live.run.reports()
            if not self.sampler.report(number, reports):
                continue
            step = max(reports)
            live.pruned = TrialPruned(
                number=number, attempt=live.attempt, step=step, value=str(reports[step])
            )
            self.record.prune_trial(live.pruned)
            _cancel(live)

    def _may_retry(self, live: Live, state: RunState) -> bool:
        """Whether another attempt of a trial may succeed."""
        number = live.proposal.number
        if state.status == "lost":  # its machine failed, not the trial
            self._lost[number] += 1
            return self._lost[number] < LOST
        if state.status != "failed":
            return False
        self._tries[number] += 1
        return self._tries[number] <= self.session.retries

    def _result(self, live: Live, state: RunState) -> TrialEnd:
        """The result of a trial whose run has ended."""
        number = live.proposal.number
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
        elif live.pruned is not None and state.status == "cancelled":
            reason = live.pruned.reason
        else:
            reason = _why(state)
        reports = live.run.reports()
        return TrialEnd(
            number=number,
            state=_state(state, reason, pruned=live.pruned is not None),
            run=state.id,
            values=() if reason else tuple(value for value in values if value is not None),
            metrics=state.metrics,
            feasible=all(each <= 0 for each in self.study.excess(state.metrics).values()),
            reason=reason,
            ended=time.time(),
            reports=Reports.of(reports),
            asked=asked,
            ran=ran,
        )

    def _tell(self, end: TrialEnd) -> None:
        self.sampler.report(end.number, end.reports.numbers())
        self.sampler.tell(end)

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
        """Cancel the trials that run: they get no result, so another driver starts them again."""
        for live in self.live.values():
            if not live.again and live.pruned is None:
                live.again = True
                _cancel(live)

    def _show(self, number: int) -> None:
        trial = self.record.trial(number)
        if trial is not None:
            self._report(trial)


def _cancel(live: Live) -> None:
    with contextlib.suppress(UsageError):  # it has just ended
        live.run.cancel()


def _state(state: RunState, reason: str, *, pruned: bool) -> TrialState:
    if not reason:
        return "complete"
    if pruned and state.status == "cancelled":
        return "pruned"
    return "cancelled" if state.status == "cancelled" else "failed"


def _why(state: RunState) -> str:
    """Why a run did not succeed, in one line."""
    for step in state.steps:
        if step.error is not None:
            return f"step {step.name} failed: {step.error.message}"
    return state.message or f"the run was {state.status}"
