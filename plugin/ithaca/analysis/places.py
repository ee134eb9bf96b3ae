"""Diagnostics at a node of a cell: line, columns and the text of the line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.diagnostics import Diagnostic, Severity

if TYPE_CHECKING:
    import ast

    from ithaca.analysis.cells import ParsedCell


def diagnostic(
    code: str,
    severity: Severity,
    message: str,
    cell: ParsedCell,
    node: ast.AST | None = None,
    *,
    cure: str = "",
) -> Diagnostic:
    """A diagnostic at a node, or at the whole cell."""
    number = getattr(node, "lineno", None)
    line = cell.line(number) if number is not None else None
    column, end = cell.columns(node) if node is not None else (None, None)
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


def where(cell: ParsedCell, node: ast.AST) -> str:
    """A place in words, such as `cell 3, line 2`."""
    number = getattr(node, "lineno", None)
    line = f", line {cell.line(number)}" if number is not None else ""
    return f"cell {cell.cell.number}{line}"
