"""Optuna: proposes parameters, and learns from the results.

Optuna's own study lives in its storage: a journal file in Ithaca's folder, or a database. It
decides which parameters come next; what happened to a trial is in the study's record.
"""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from ithaca.errors import BackendError, UsageError
from ithaca.model.study import Choice, Float
from ithaca.tuning.algorithms import (
    FINITE,
    combinations,
    load_optuna,
    make_pruner,
    make_sampler,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from optuna.distributions import BaseDistribution
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, Trial

    from ithaca.model.study import Domain, StudyDocument, TrialEnd, TrialState
    from ithaca.tuning.record import TrialRecord
    from ithaca.tuning.request import Request

HIDDEN = "***"
"""Stands for the password of a storage."""


class Proposal(NamedTuple):
    """A trial that Optuna proposes.

    Attributes:
        number: Its number in the study.
        parameters: The searched parameters.
    """

    number: int
    parameters: dict[str, Any]


class Sampler:
    """An Optuna study.

    Args:
        document: The study.
        request: Its algorithm.
        journal: Where its journal file is, if the study names no other storage.
        sampler: A sampler to use instead of the one that the request names.
        pruner: A pruner to use instead of the one that the request names.

    Attributes:
        prunes: Whether there is a pruner.

    Raises:
        UsageError: A package for the algorithm is missing, or a setting is wrong.
        BackendError: The storage cannot be reached.
    """

    def __init__(
        self,
        document: StudyDocument,
        request: Request,
        journal: Path,
        *,
        sampler: BaseSampler | None = None,
        pruner: BasePruner | None = None,
    ) -> None:
        optuna = load_optuna()
        self._optuna = optuna
        self._document, self._journal = document, journal
        self._asked: dict[int, Trial] = {}
        self._reported: dict[int, set[int]] = {}
        self._space = distributions(document.space)
        self._where = without_password(request.storage)
        storage = _storage(request.storage, journal)
        self._study = self._call(
            optuna.create_study,
            storage=storage,
            study_name=document.name,
            directions=[each.direction for each in document.objectives],
            load_if_exists=True,
        )
        known = len(self._call(self._study.get_trials, deepcopy=False))
        self._study.sampler = sampler or make_sampler(request, known)
        self._study.pruner = pruner or make_pruner(request)
        self.prunes = pruner is not None or bool(request.pruner)
        self._stopped = False
        finite = sampler is None and request.algorithm in FINITE
        self._combinations = combinations(request.space) if finite else None

    def ask(self) -> Proposal | None:
        """Propose a trial; None if every combination was tried."""
        if self._is_exhausted():
            return None
        trial = self._call(self._study.ask, self._space)
        self._asked[trial.number] = trial
        return Proposal(trial.number, dict(trial.params))

    def _is_exhausted(self) -> bool:
        if self._stopped or self._combinations is None:
            return self._stopped
        tried = {
            tuple(sorted(each.params.items()))
            for each in self._call(self._study.get_trials, deepcopy=False)
        }
        return len(tried) >= self._combinations

    def restore(self, trials: Sequence[TrialRecord]) -> None:
        """Give Optuna the trials of the record, if its own storage is empty.

        Args:
            trials: The trials of the record.

        Raises:
            UsageError: Optuna's storage holds other trials.
        """
        known = self._call(self._study.get_trials, deepcopy=False)
        if not known and trials:
            recorded = {trial.number: trial for trial in trials}
            for number in range(max(recorded) + 1):
                found = frozen_trial(self._document, self._space, recorded.get(number))
                self._call(self._study.add_trial, found)
            return
        for trial in trials:
            if trial.number >= len(known) or known[trial.number].params != trial.parameters:
                raise UsageError(
                    "ITH711",
                    f"Optuna's storage and the study's record differ in trial {trial.number}",
                    where=self._where or str(self._journal),
                    cure="use the storage that the study began with, or remove it: an empty one is "
                    "filled from the record",
                )

    def open(self) -> list[Proposal]:
        """The trials that were proposed and have no result yet."""
        running = self._optuna.trial.TrialState.RUNNING
        return [
            Proposal(each.number, dict(each.params))
            for each in self._call(self._study.get_trials, deepcopy=False, states=(running,))
            if each.params.keys() >= self._space.keys()
        ]

    def report(self, number: int, values: Mapping[int, float]) -> bool:
        """Tell what a running trial reported.

        Args:
            number: Number of the trial.
            values: All its values so far, by step number.

        Returns:
            Whether the pruner gives it no chance.
        """
        known = self._reported.setdefault(number, set())
        new = sorted(values.keys() - known)
        if not new or (trial := self._running(number)) is None:
            return False
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an earlier driver may have reported some of them
            for step in new:
                self._call(trial.report, values[step], step)
                known.add(step)
        return self.prunes and bool(self._call(trial.should_prune))

    def _running(self, number: int) -> Trial | None:
        """Optuna's trial of that number; None if it has a result."""
        if number in self._asked:
            return self._asked[number]
        frozen = self._call(self._study.get_trials, deepcopy=False)[number]
        if frozen.state.is_finished():
            return None
        trial: Trial = self._optuna.trial.Trial(self._study, frozen._trial_id)
        self._asked[number] = trial
        return trial

    def tell(self, end: TrialEnd) -> None:
        """Tell the result of a trial; a second result is ignored.

        Args:
            end: The result.
        """
        number, complete = end.number, end.state == "complete"
        told = _optuna_state(self._optuna.trial.TrialState, end.state)
        excess = self._document.excess(end.metrics) if complete else {}
        if excess and (trial := self._running(number)) is not None:
            for name, amount in excess.items():
                self._call(trial.set_constraint, name, amount)
        self._asked.pop(number, None)
        self._reported.pop(number, None)
        results = list(end.values) if complete else None
        try:
            self._call(self._study.tell, number, results, state=told, skip_if_finished=True)
        except RuntimeError:
            # A sampler that has tried every combination stops the study, which Optuna allows only
            # inside its own loop; the result is stored nevertheless.
            if not self._study.get_trials(deepcopy=False)[number].state.is_finished():
                raise
            self._stopped = True

    def _call(self, call: Any, *arguments: Any, **named: Any) -> Any:
        return _call_storage(self._where, call, *arguments, **named)


def frozen_trial(
    document: StudyDocument, space: dict[str, BaseDistribution], trial: TrialRecord | None
) -> FrozenTrial:
    """A trial of the record in Optuna's terms; one that was never recorded has failed.

    Args:
        document: The study.
        space: Its space in Optuna's terms.
        trial: The trial.
    """
    optuna = load_optuna()
    states, create = optuna.trial.TrialState, optuna.trial.create_trial
    if trial is None:
        failed: FrozenTrial = create(state=states.FAIL)
        return failed
    params = {
        name: next(each for each in domain.values if each == trial.parameters[name])
        if isinstance(domain, Choice)
        else trial.parameters[name]
        for name, domain in document.space.items()
    }
    end = trial.end
    if end is None:
        running: FrozenTrial = create(state=states.RUNNING, params=params, distributions=space)
        return running
    complete, reports = end.state == "complete", end.reports.numbers()
    values = list(end.values) if complete else None
    if end.state == "pruned" and reports:
        values = [reports[max(reports)]]
    found: FrozenTrial = create(
        state=_optuna_state(states, end.state),
        params=params,
        distributions=space,
        values=values,
        intermediate_values=reports,
        constraints=document.excess(end.metrics) if complete else None,
    )
    return found


def distributions(space: Mapping[str, Domain]) -> dict[str, BaseDistribution]:
    """A space in Optuna's terms."""
    return {name: _distribution(each) for name, each in space.items()}


def _optuna_state(states: Any, state: TrialState) -> Any:
    """A state in Optuna's terms."""
    return {"complete": states.COMPLETE, "pruned": states.PRUNED}.get(state, states.FAIL)


def without_password(url: str) -> str:
    """A database's URL as it may be shown and recorded.

    Example:
        >>> without_password("postgresql://me:secret@host/db")
        'postgresql://me:***@host/db'
    """
    return re.sub(r"(://[^:/@]*):[^@]*@", rf"\1:{HIDDEN}@", url)


def _storage(url: str, journal: Path) -> Any:
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    if not url:
        journal.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(journal)))
    return _call_storage(without_password(url), RDBStorage, url)


def _call_storage(where: str, call: Any, *arguments: Any, **named: Any) -> Any:
    """Call Optuna's storage, and report one that is away."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return call(*arguments, **named)
    except (SQLAlchemyError, StorageInternalError, ImportError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise BackendError(
            "ITH710",
            f"cannot use Optuna's storage: {reason}",
            where=where,
            cure="check that the database runs and that its driver is installed; trials that run "
            "go on, and the same command continues the study",
        ) from None


def _distribution(domain: Domain) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if isinstance(domain, Choice):
        return CategoricalDistribution(domain.values)
    if isinstance(domain, Float):
        return FloatDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
    return IntDistribution(domain.low, domain.high, log=domain.log, step=domain.step or 1)
