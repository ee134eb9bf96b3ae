"""Cells tagged `pipeline-metrics`: which numbers to publish, and which step publishes them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ithaca.analysis.namespace import GONE, HERE, Place
from ithaca.analysis.places import diagnostic
from ithaca.model.workflow import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ithaca.analysis.cells import ParsedCell
    from ithaca.analysis.graph import StepFacts
    from ithaca.diagnostics import Diagnostic
    from ithaca.model.workflow import Parameter

_NUMBERS = frozenset({"int", "float", "bool"})
"""Types of parameters that can be published."""


def metric_key(name: str) -> str:
    """A metric's name with `_` for `-`, which engines treat as the same.

    Example:
        >>> metric_key("val-loss") == metric_key("val_loss")
        True
    """
    return name.replace("-", "_")


def named(
    cells: Iterable[ParsedCell],
) -> tuple[dict[str, tuple[ParsedCell, ast.AST]], list[Diagnostic]]:
    """The variables in metrics cells, with their places.

    Args:
        cells: Parsed cells tagged `pipeline-metrics`.
    """
    found: dict[str, tuple[ParsedCell, ast.AST]] = {}
    problems: list[Diagnostic] = []
    for cell in cells:
        for statement in cell.statements:
            names = list(_names(statement))
            for node in names:
                found.setdefault(node.id, (cell, node))
            if not names and not _has_no_effect(statement):
                problems.append(_not_a_name(cell, statement))
    return found, problems


def metrics(
    variables: dict[str, tuple[ParsedCell, ast.AST]],
    steps: Sequence[StepFacts],
    parameters: Mapping[str, Parameter],
) -> tuple[tuple[Metric, ...], list[Diagnostic]]:
    """The metrics, each with the last step in workflow order that binds its variable.

    The last step that consumes a parameter publishes it, if no step binds it; the last step of the
    workflow publishes a parameter without consumers. The metric is named after the variable;
    engines that do not allow `_` write `-`.

    Args:
        variables: The variables in metrics cells, with their places.
        steps: The steps in workflow order; a step that publishes a parameter then consumes it.
        parameters: The workflow's parameters.
    """
    found: list[Metric] = []
    problems: list[Diagnostic] = []
    for variable, (cell, node) in variables.items():
        owner = _last(facts for facts in steps if facts.flow.ends(variable) & HERE)
        parameter = None if owner else parameters.get(variable)
        if parameter is not None and parameter.type not in _NUMBERS:
            kind = f"is a parameter of type {parameter.type}, not a number"
            problems.append(_unpublished(f"metric `{variable}` {kind}", Place(cell, node)))
            continue
        if parameter is not None:
            owner = _consumer(variable, steps)
        if owner is None:
            message = f"no step binds metric `{variable}`"
            problems.append(_unpublished(message, Place(cell, node)))
        else:
            found.append(Metric(name=variable, variable=variable, step=owner.name))
    return tuple(found), problems


def _consumer(parameter: str, steps: Sequence[StepFacts]) -> StepFacts | None:
    """The step that publishes a parameter: it must still be bound when the step ends."""
    keep = [facts for facts in steps if not facts.flow.ends(parameter) & GONE]
    owner = _last(facts for facts in keep if parameter in facts.parameters) or _last(keep)
    if owner is not None:
        owner.parameters.add(parameter)
    return owner


def _last(steps: Iterable[StepFacts]) -> StepFacts | None:
    return next(reversed([*steps]), None)


def _unpublished(message: str, place: Place) -> Diagnostic:
    cure = "bind it to a number in a step, or remove it from the `pipeline-metrics` cell"
    return diagnostic("ITH310", "error", message, place, cure=cure)


def _names(statement: ast.stmt) -> Iterator[ast.Name]:
    """The names in `print(a, b)`, `a`, `a, b`."""
    if not isinstance(statement, ast.Expr):
        return
    match statement.value:
        case ast.Call(func=ast.Name(id="print" | "display"), args=arguments):
            parts: list[ast.expr] = arguments
        case ast.Tuple(elts=items) | ast.List(elts=items):
            parts = items
        case other:
            parts = [other]
    for part in parts:
        if isinstance(part, ast.Name):
            yield part
        elif isinstance(part, ast.JoinedStr):
            shown = (value.value for value in part.values if isinstance(value, ast.FormattedValue))
            yield from (value for value in shown if isinstance(value, ast.Name))


def _has_no_effect(statement: ast.stmt) -> bool:
    constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return constant or isinstance(statement, ast.Pass)


def _not_a_name(cell: ParsedCell, statement: ast.stmt) -> Diagnostic:
    return diagnostic(
        "ITH311",
        "error",
        "a `pipeline-metrics` cell may only name variables: `print(name)` or `name`",
        Place(cell, statement),
        cure="compute the number in a step, and name its variable here",
    )
