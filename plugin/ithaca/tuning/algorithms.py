"""Samplers and pruners by name: what Optuna offers, and how a request names it."""

from __future__ import annotations

import inspect
import math
import warnings
from typing import TYPE_CHECKING, Any

from ithaca.errors import UsageError, suggest
from ithaca.model.study import Choice, Float

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

    from ithaca.model.study import Domain
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

PRUNERS = {
    "median": "MedianPruner",
    "percentile": "PercentilePruner",
    "halving": "SuccessiveHalvingPruner",
    "hyperband": "HyperbandPruner",
    "threshold": "ThresholdPruner",
    "patient": "PatientPruner",
    "wilcoxon": "WilcoxonPruner",
}
"""Names for `--pruner`, and Optuna's classes."""

_OWN = {"self", "kwargs", "args", "search_space", "constraints_func", "wrapped_pruner"}


def check_algorithm(request: Request) -> list[str]:
    """Everything that is wrong with the algorithm of a request.

    Args:
        request: The request.

    Returns:
        One sentence for each problem.
    """
    problems = _check_pruner(request)
    name = request.algorithm
    if name not in SAMPLERS:
        unknown = f'unknown algorithm "{name}"{suggest(name, SAMPLERS)}; use {", ".join(SAMPLERS)}'
        return [*problems, unknown]
    problems += _check_settings(name, request.settings)
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


def _check_pruner(request: Request) -> list[str]:
    """Everything that is wrong with the pruner of a request."""
    name = request.pruner
    if not name:
        return ["there are settings of a pruner, but no pruner"] if request.pruner_settings else []
    if name not in PRUNERS:
        return [f'unknown pruner "{name}"{suggest(name, PRUNERS)}; use {", ".join(PRUNERS)}']
    problems = _check_settings(name, request.pruner_settings)
    if len(request.objectives) > 1:
        problems.append("a pruner needs a single objective")
    return problems


def _check_settings(name: str, settings: Mapping[str, Any]) -> list[str]:
    parameters = inspect.signature(_class(name)).parameters
    known = [each for each in parameters if each not in _OWN]
    return [
        f'{name} has no setting "{each}"{suggest(each, known)}; its settings are {", ".join(known)}'
        for each in settings
        if each not in known
    ]


def _class(name: str) -> Any:
    if name in PRUNERS:
        return getattr(load_optuna().pruners, PRUNERS[name])
    return getattr(load_optuna().samplers, SAMPLERS[name])


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
    found: BaseSampler = _make(request.algorithm, settings)
    return found


def make_pruner(request: Request) -> BasePruner:
    """The pruner that a request names; one that never prunes if it names none.

    Args:
        request: The request.
    """
    if not request.pruner:
        never: BasePruner = load_optuna().pruners.NopPruner()
        return never
    settings = dict(request.pruner_settings)
    if request.pruner == "patient":
        settings = {"wrapped_pruner": None, **settings}
    found: BasePruner = _make(request.pruner, settings)
    return found


def _make(name: str, settings: dict[str, Any]) -> Any:
    """A sampler or pruner of Optuna's."""
    from optuna.exceptions import ExperimentalWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return _class(name)(**settings)
    except ImportError as error:
        raise UsageError(
            "ITH705",
            f"the algorithm {name} needs a package that is missing: {error.name}",
            cure=f"run `pip install {error.name}`, or choose another --algorithm",
        ) from None
    except (TypeError, ValueError) as error:
        room = "pruners" if name in PRUNERS else "samplers"
        raise UsageError(
            "ITH705",
            f"{name} does not accept these settings: {error}",
            cure=f"see `optuna.{room}` in Optuna's reference",
        ) from None


def load_optuna() -> Any:
    """Optuna, which the extra `tune` installs.

    Raises:
        UsageError: It is missing.
    """
    try:
        import optuna
    except ImportError:
        raise UsageError(
            "ITH705", "studies need Optuna", cure="run `pip install 'ithaca[tune]'`"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
