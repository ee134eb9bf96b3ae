"""Optuna: proposes parameters, and learns from the results.

Optuna's own study lives in its storage: a journal file in Ithaca's folder, or a database that
several drivers share. It decides which parameters come next; what happened to a trial is in the
study's record.
"""

from __future__ import annotations

import inspect
import math
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

from ithaca.errors import BackendError, UsageError, suggest
from ithaca.model.study import Choice, Float

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

    from ithaca.model.study import Domain, StudyDocument, TrialState
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
    import optuna

    return getattr(optuna.samplers, SAMPLERS[name])


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
        self._space = {name: _distribution(each) for name, each in document.space.items()}
        storage = _storage(document.storage, journal)
        self._study = _reached(
            document.storage,
            optuna.create_study,
            storage=storage,
            study_name=document.name,
            directions=[each.direction for each in document.objectives],
            load_if_exists=True,
        )
        known = len(self._study.get_trials(deepcopy=False))
        self._study.sampler = sampler or make_sampler(request, known)
        self._stopped = False

    def ask(self) -> Proposal | None:
        """Propose a trial; None if every combination was tried."""
        if self._is_exhausted():
            return None
        trial = self._study.ask(self._space)
        return Proposal(trial.number, dict(trial.params))

    def _is_exhausted(self) -> bool:
        sampler = self._study.sampler
        grid = isinstance(sampler, self._optuna.samplers.GridSampler)
        return self._stopped or (grid and sampler.is_exhausted(self._study))

    def open(self) -> list[Proposal]:
        """The trials that were proposed and have no result yet."""
        running = self._optuna.trial.TrialState.RUNNING
        return [
            Proposal(each.number, dict(each.params))
            for each in self._study.get_trials(deepcopy=False, states=(running,))
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
        states = self._optuna.trial.TrialState
        told = {"complete": states.COMPLETE, "pruned": states.PRUNED}.get(state, states.FAIL)
        if state == "complete" and excess:
            frozen = self._study.get_trials(deepcopy=False)[number]
            if not frozen.state.is_finished():
                trial = self._optuna.trial.Trial(self._study, frozen._trial_id)
                for name, amount in excess.items():
                    trial.set_constraint(name, amount)
        try:
            self._study.tell(
                number,
                list(values) if state == "complete" else None,
                state=told,
                skip_if_finished=True,
            )
        except RuntimeError:
            # A sampler that has tried every combination stops the study, which Optuna allows only
            # inside its own loop; the result is stored nevertheless.
            if not self._study.get_trials(deepcopy=False)[number].state.is_finished():
                raise
            self._stopped = True


def make_sampler(request: Request, known: int = 0) -> BaseSampler:
    """The sampler that a request names.

    Args:
        request: The request.
        known: How many trials the study has already: a sampler that is seeded must not propose
            them again.
    """
    settings = dict(request.settings)
    if settings.get("seed") is not None and known:
        settings["seed"] = int(settings["seed"]) + known
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


def _storage(url: str, journal: Path) -> Any:
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    if not url:
        journal.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(journal)))
    return _reached(url, RDBStorage, url)


def _reached(where: str, call: Any, *arguments: Any, **named: Any) -> Any:
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
