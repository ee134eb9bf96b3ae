"""Kale's `katib_metadata`, and any Katib experiment of that shape, in Ithaca's terms.

All values of Katib are texts. Its fields are those of `kubeflow.org/v1beta1` Experiments:
https://www.kubeflow.org/docs/components/katib/reference/architecture/
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ithaca.model.study import Choice, Domain, Float, Int

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHMS = {
    "random": "random",
    "tpe": "tpe",
    "multivariate-tpe": "tpe",
    "grid": "grid",
    "bayesianoptimization": "gp",
    "skopt-bayesian-optimization": "gp",
    "cmaes": "cmaes",
    "sobol": "qmc",
}
"""Katib's algorithms, and the samplers that do the same."""

_SETTINGS = {
    "random_state": "seed",
    "n_startup_trials": "n_startup_trials",
    "n_initial_points": "n_startup_trials",
    "n_ei_candidates": "n_ei_candidates",
    "n_EI_candidates": "n_ei_candidates",
    "prior_weight": "prior_weight",
    "sigma": "sigma0",
}


def translate(content: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """A study's metadata from Katib's.

    Args:
        content: The value of `katib_metadata`.

    Returns:
        The keys of `[tool.ithaca.tune]`, and notices about what has no counterpart.

    Example:
        >>> translate({"objective": {"type": "minimize", "objectiveMetricName": "loss"}})
        ({'objective': 'minimize:loss'}, [])
    """
    notices: list[str] = []
    found: dict[str, Any] = {}
    parameters = {
        each["name"]: domain
        for each in content.get("parameters") or []
        if (domain := _domain(each)) is not None
    }
    if parameters:
        found["parameters"] = parameters
    objective = content.get("objective") or {}
    if objective.get("objectiveMetricName"):
        goal = objective.get("goal")
        found["objective"] = f"{objective.get('type', 'minimize')}:" + ":".join(
            str(each)
            for each in (objective["objectiveMetricName"], goal)
            if each is not None and each != ""
        )
    _algorithm(content.get("algorithm") or {}, found, notices)
    counts = {
        "trials": content.get("maxTrialCount"),
        "parallel": content.get("parallelTrialCount"),
        "max_failures": content.get("maxFailedTrialCount"),
    }
    found.update({name: int(value) for name, value in counts.items() if value is not None})
    _early_stopping(content.get("earlyStopping") or {}, found, notices)
    return found, notices


def _domain(parameter: Mapping[str, Any]) -> Domain | None:
    kind = parameter.get("parameterType")
    space = parameter.get("feasibleSpace") or {}
    if kind in ("categorical", "discrete"):
        return Choice(tuple(_value(each, kind) for each in space.get("list") or []))
    if kind not in ("double", "int") or "min" not in space or "max" not in space:
        return None
    log = space.get("distribution") in ("logUniform", "logNormal")
    step = space.get("step") or None
    if kind == "int":
        return Int(
            int(float(space["min"])),
            int(float(space["max"])),
            log,
            None if step is None or log else int(float(step)),
        )
    return Float(
        float(space["min"]), float(space["max"]), log, None if step is None or log else float(step)
    )


def _value(text: Any, kind: str) -> Any:
    if kind == "categorical" or not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _early_stopping(stopping: Mapping[str, Any], found: dict[str, Any], notices: list[str]) -> None:
    name = stopping.get("algorithmName")
    if not name:
        return
    if name != "medianstop":
        notices.append(f"Katib's early stopping {name} has no counterpart here: no trial is pruned")
        return
    found["pruner"] = "median"
    given = {
        each.get("name"): each.get("value") for each in stopping.get("algorithmSettings") or []
    }
    settings = {"n_startup_trials": 3, "n_warmup_steps": 4}  # Katib's defaults
    for theirs, ours in (
        ("min_trials_required", "n_startup_trials"),
        ("start_step", "n_warmup_steps"),
    ):
        if theirs in given:
            settings[ours] = int(given[theirs])
    found["pruner_settings"] = settings


def _algorithm(algorithm: Mapping[str, Any], found: dict[str, Any], notices: list[str]) -> None:
    name = algorithm.get("algorithmName")
    if not name:
        return
    found["algorithm"] = ALGORITHMS.get(name, "tpe")
    if name not in ALGORITHMS:
        notices.append(f"Katib's algorithm {name} has no counterpart here: tpe is used")
    settings = {}
    for each in algorithm.get("algorithmSettings") or []:
        known = _SETTINGS.get(each.get("name", ""))
        if known is None:
            notices.append(f"the setting {each.get('name')} of Katib's {name} has no effect here")
        else:
            settings[known] = _value(each.get("value"), "discrete")
    if settings:
        found["settings"] = settings
