"""Diagnostics at a place in a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    from ithaca.analysis.namespace import Place


def diagnostic(
    code: str,
    severity: Severity,
    message: str,
    place: Place,
    *,
    cure: str = "",
) -> Diagnostic:
    """A diagnostic with the line and columns of a place."""
    cell, number = place.cell, getattr(place.node, "lineno", None)
    line = cell.line(number) if number is not None else None
    column, end = cell.columns(place.node)
    return Diagnostic(
        code=code,
        severity=severity,
        message=message,
        cure=cure,
        notebook=cell.cell.notebook,
        cell=cell.cell.number,
        line=line,
        column=column,
        end_column=end,
        source=cell.text(line) if line is not None else "",
    )


def where(place: Place) -> str:
    """A place in words, such as `cell 3, line 2`."""
    number = getattr(place.node, "lineno", None)
    line = f", line {place.cell.line(number)}" if number is not None else ""
    return f"cell {place.cell.cell.number}{line}"
