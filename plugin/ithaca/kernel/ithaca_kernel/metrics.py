"""The metrics that a step publishes."""

from __future__ import annotations

import numbers
from typing import Any, Dict

from .reasons import type_name
from .step import Step, ValueProblem


def evaluate(step: Step, namespace: Dict[str, Any]) -> Dict[str, float]:
    """The metrics of a step, as floats.

    Args:
        step: The step, with its metrics and their variables.
        namespace: The notebook's namespace.

    Raises:
        ValueProblem: A variable is not bound, or is not a number.
    """
    return {
        metric: _number(step, metric, variable, namespace)
        for metric, variable in sorted(step.metrics.items())
    }


def _number(step: Step, metric: str, variable: str, namespace: Dict[str, Any]) -> float:
    if variable not in namespace:
        raise ValueProblem(
            "ITH516",
            f"metric {metric} has no value: {step.title} did not bind {variable}",
            f"bind {variable} before the step ends",
            variable,
        )
    value = namespace[variable]
    if isinstance(value, numbers.Real):  # bool and NumPy's scalars are
        return float(value)
    if getattr(value, "shape", None) in ((), (1,)) and hasattr(value, "item"):
        inner = value.item()
        if isinstance(inner, numbers.Real):
            return float(inner)
    raise ValueProblem(
        "ITH516",
        f"metric {metric} is not a number: {variable} is a {type_name(value)}",
        f"publish one number, such as float({variable}.mean())",
        variable,
    )
