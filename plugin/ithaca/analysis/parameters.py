"""Cells tagged `pipeline-parameters`: assignments of literals become typed parameters."""

from __future__ import annotations

import ast
import math
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ithaca.analysis.namespace import Place
from ithaca.analysis.places import diagnostic
from ithaca.model.workflow import Parameter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ithaca.analysis.cells import ParsedCell
    from ithaca.diagnostics import Diagnostic

Kind: TypeAlias = Literal["int", "float", "str", "bool", "list", "dict", "none"]

_KINDS: dict[type, Kind] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    list: "list",
    dict: "dict",
    type(None): "none",
}
IMMUTABLE = frozenset({"int", "float", "str", "bool", "none"})
"""Types of parameters whose values cannot change in place."""

_LARGEST = 2**63


def parameters(
    cells: Iterable[ParsedCell],
) -> tuple[dict[str, Parameter], list[Diagnostic]]:
    """The parameters that cells define; those of the outer notebook win.

    Args:
        cells: The parsed parameters cells of all notebooks, the outer one's first.
    """
    found: dict[str, Parameter] = {}
    problems: list[Diagnostic] = []
    owners: dict[str, str] = {}
    for cell in cells:
        for statement in cell.statements:
            for name, value, annotation in _assignments(cell, statement, problems):
                parameter = _parameter(cell, name, value, annotation, problems)
                if parameter and owners.get(name, cell.cell.notebook) == cell.cell.notebook:
                    owners[name] = cell.cell.notebook
                    found[name] = parameter
    return found, problems


def _assignments(
    cell: ParsedCell, statement: ast.stmt, problems: list[Diagnostic]
) -> list[tuple[str, ast.expr, ast.expr | None]]:
    """Names, values and annotations of one statement."""
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            return [(name, value, statement.annotation)]
        case ast.Assign(targets=targets, value=value) if all(
            isinstance(target, ast.Name) for target in targets
        ):
            return [(target.id, value, None) for target in targets if isinstance(target, ast.Name)]
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)) if len(
            names
        ) == len(values) and all(isinstance(name, ast.Name) for name in names):
            pairs = zip(names, values, strict=True)
            return [(name.id, value, None) for name, value in pairs if isinstance(name, ast.Name)]
        case ast.Pass() | ast.Expr(value=ast.Constant()):
            return []
    problems.append(
        diagnostic(
            "ITH302",
            "error",
            "a `pipeline-parameters` cell may only assign literals",
            Place(cell, statement),
            cure="move this statement to an `imports` cell or a step",
        )
    )
    return []


def _parameter(
    cell: ParsedCell,
    name: str,
    value: ast.expr,
    annotation: ast.expr | None,
    problems: list[Diagnostic],
) -> Parameter | None:
    try:
        default = _plain(ast.literal_eval(value))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        reason = str(error) if isinstance(error, _NotPlainError) else "it is not a literal"
        problems.append(
            diagnostic(
                "ITH301",
                "error",
                f"invalid default for parameter `{name}`: {reason}",
                Place(cell, value),
                cure="use a number, a string, True, False, None, or a list or dict of these, and "
                "compute other values in a step",
            )
        )
        return None
    if isinstance(annotation, ast.Name) and annotation.id == "float" and type(default) is int:
        default = float(default)
    return Parameter(name=name, type=_KINDS[type(default)], default=default)


class _NotPlainError(ValueError):
    """A literal that JSON cannot represent."""


def _plain(value: Any) -> Any:
    """A literal as JSON represents it: tuples become lists."""
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise _NotPlainError("the keys of a dict must be strings")
        return {key: _plain(item) for key, item in value.items()}
    if type(value) not in _KINDS:
        raise _NotPlainError(f"a {type(value).__name__} cannot be a parameter")
    if isinstance(value, float) and not math.isfinite(value):
        raise _NotPlainError("the number is too large")
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        raise _NotPlainError("the number does not fit into 64 bits")
    return value
