"""Optuna: proposes parameters, and learns from the results.

Optuna's own study lives in its storage: a journal file in Ithaca's folder, or a database. It
decides which parameters come next; what happened to a trial is in the study's record.
"""

from __future__ import annotations

import inspect
import math
import re
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from ithaca.errors import BackendError, UsageError, suggest
from ithaca.model.study import Choice, Float

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

    from ithaca.model.study import Domain, StudyDocument, TrialState
    from ithaca.tuning.record import TrialRecord
    from ithaca.tuning.request import Request

SAMPLERS = {
    "random": "RandomSampler",
    "tpe": "TPESampler",
    "cmaes": "CmaEsSampler",
    "gp": "GPSampler",
    "qmc": "QMCSampler",
    "grid": "GridSampler",
    "bruteforce": "BruteForceSampler",
    "nsga2": "NSGAIISampler",
    "nsga3": "NSGAIIISampler",
}
"""Names for `--algorithm`, and Optuna's classes."""

FINITE = ("grid", "bruteforce")
"""Algorithms that try each combination once."""

HIDDEN = "***"
"""Stands for the password of a storage."""

_OWN = {"self", "kwargs", "args", "search_space", "constraints_func"}


class Proposal(NamedTuple):
    """A trial that Optuna proposes.

    Attributes:
        number: Its number in the study.
        parameters: The searched parameters.
    """

    number: int
    parameters: dict[str, Any]


def check_algorithm(request: Request) -> list[str]:
    """Everything that is wrong with the algorithm of a request.

    Args:
        request: The request.

    Returns:
        One sentence for each problem.
    """
    name = request.algorithm
    if name not in SAMPLERS:
        return [f'unknown algorithm "{name}"{suggest(name, SAMPLERS)}; use {", ".join(SAMPLERS)}']
    known = _settings(name)
    problems = [
        f'{name} has no setting "{each}"{suggest(each, known)}; its settings are {", ".join(known)}'
        for each in request.settings
        if each not in known
    ]
    if name == "cmaes" and len(request.objectives) > 1:
        problems.append("cmaes has one objective; use tpe, gp, nsga2 or nsga3 for several")
    if name in FINITE:
        continuous = [
            parameter
            for parameter, domain in request.space.items()
            if isinstance(domain, Float) and domain.step is None
        ]
        problems += [f"{name} needs a step for {each}" for each in continuous]
        size = 0 if continuous else combinations(request.space)
        if size > request.trials:
            problems.append(
                f"the grid has {size} combinations, more than the {request.trials} trials: "
                f"give --trials {size}, or a coarser grid"
            )
    return problems


def _settings(name: str) -> list[str]:
    parameters = inspect.signature(_class(name)).parameters
    return [each for each in parameters if each not in _OWN]


def _class(name: str) -> Any:
    return getattr(_optuna().samplers, SAMPLERS[name])


def combinations(space: Mapping[str, Domain]) -> int:
    """How many combinations of values a space has."""
    return math.prod(len(_values(domain)) for domain in space.values())


def _values(domain: Domain) -> list[Any]:
    """All values of a domain that is not continuous."""
    if isinstance(domain, Choice):
        return list(domain.values)
    step = domain.step or 1
    steps = math.floor((domain.high - domain.low) / step + 1e-9)
    return [domain.low + number * step for number in range(steps + 1)]


class Sampler:
    """An Optuna study.

    Args:
        document: The study.
        request: Its algorithm.
        journal: Where its journal file is, if the study names no other storage.
        sampler: A sampler to use instead of the one that the request names.

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
    ) -> None:
        optuna = _optuna()
        self._optuna = optuna
        self._domains, self._journal = document.space, journal
        self._space = {name: _distribution(each) for name, each in document.space.items()}
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
        self._stopped = False
        finite = sampler is None and request.algorithm in FINITE
        self._combinations = combinations(request.space) if finite else None

    def ask(self) -> Proposal | None:
        """Propose a trial; None if every combination was tried."""
        if self._is_exhausted():
            return None
        trial = self._call(self._study.ask, self._space)
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
                self._call(self._study.add_trial, self._frozen(recorded.get(number)))
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

    def _frozen(self, trial: TrialRecord | None) -> FrozenTrial:
        """A trial of the record in Optuna's terms; one that was never recorded has failed."""
        states, create = self._optuna.trial.TrialState, self._optuna.trial.create_trial
        if trial is None:
            failed: FrozenTrial = create(state=states.FAIL)
            return failed
        params = {
            name: next(each for each in domain.values if each == trial.parameters[name])
            if isinstance(domain, Choice)
            else trial.parameters[name]
            for name, domain in self._domains.items()
        }
        end = trial.end
        state = states.RUNNING if end is None else _optuna_state(states, end.state)
        values = list(end.values) if end is not None and end.state == "complete" else None
        found: FrozenTrial = create(
            state=state, params=params, distributions=self._space, values=values
        )
        return found

    def open(self) -> list[Proposal]:
        """The trials that were proposed and have no result yet."""
        running = self._optuna.trial.TrialState.RUNNING
        return [
            Proposal(each.number, dict(each.params))
            for each in self._call(self._study.get_trials, deepcopy=False, states=(running,))
            if each.params.keys() >= self._space.keys()
        ]

    def tell(
        self,
        number: int,
        state: TrialState,
        values: Sequence[float] = (),
        excess: Mapping[str, float] | None = None,
    ) -> None:
        """Tell the result of a trial; a second result is ignored.

        Args:
            number: Number of the trial.
            state: How it ended.
            values: Values of the objectives, of a complete trial.
            excess: By how much it breaks each constraint; at most 0 if it keeps it.
        """
        told = _optuna_state(self._optuna.trial.TrialState, state)
        if state == "complete" and excess:
            frozen = self._call(self._study.get_trials, deepcopy=False)[number]
            if not frozen.state.is_finished():
                trial = self._optuna.trial.Trial(self._study, frozen._trial_id)
                for name, amount in excess.items():
                    trial.set_constraint(name, amount)
        results = list(values) if state == "complete" else None
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


def _optuna_state(states: Any, state: TrialState) -> Any:
    """A state in Optuna's terms."""
    return {"complete": states.COMPLETE, "pruned": states.PRUNED}.get(state, states.FAIL)


def make_sampler(request: Request, known: int = 0) -> BaseSampler:
    """The sampler that a request names.

    Args:
        request: The request.
        known: How many trials the study has already: a sampler that is seeded must not propose
            them again.
    """
    settings = dict(request.settings)
    # Of a grid and a sequence the seed sets the order, which continues by itself.
    if isinstance(settings.get("seed"), int) and known and request.algorithm not in ("grid", "qmc"):
        settings["seed"] += known
    if request.algorithm == "grid":
        settings["search_space"] = {name: _values(domain) for name, domain in request.space.items()}
    from optuna.exceptions import ExperimentalWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            found: BaseSampler = _class(request.algorithm)(**settings)
    except ImportError as error:
        raise UsageError(
            "ITH705",
            f"the algorithm {request.algorithm} needs a package that is missing: {error.name}",
            cure=f"run `pip install {error.name}`, or choose another --algorithm",
        ) from None
    except (TypeError, ValueError) as error:
        raise UsageError(
            "ITH705",
            f"{request.algorithm} does not accept these settings: {error}",
            cure="see `optuna.samplers` in Optuna's reference",
        ) from None
    return found


def _optuna() -> Any:
    try:
        import optuna
    except ImportError:
        raise UsageError(
            "ITH705", "studies need Optuna", cure="run `pip install 'ithaca[tune]'`"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


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
