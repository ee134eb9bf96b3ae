"""The code that a step runs: the statements of shared cells that it needs, then its own cells."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ithaca.analysis.digest import canonical, code_digest
from ithaca.model.workflow import Code

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.analysis.cells import ParsedCell
    from ithaca.analysis.graph import StepFacts
    from ithaca.analysis.shared import Shared, SharedStatement
    from ithaca.model.workflow import CodeKind


def step_code(
    facts: StepFacts, scopes: Sequence[Shared], notebook: str
) -> tuple[tuple[Code, ...], str]:
    """The code that a step runs, in order, and its digest.

    Args:
        facts: The step.
        scopes: The shared cells, by notebook.
        notebook: Path of the workflow's own notebook.
    """
    pieces: list[Code] = []
    counted: list[tuple[str, bytes]] = []

    def add(cell: ParsedCell, kind: CodeKind, source: str, lines: tuple[int, ...] = ()) -> None:
        other = "" if cell.cell.notebook == notebook else cell.cell.notebook
        number = cell.cell.number
        pieces.append(Code(cell=number, kind=kind, source=source, lines=lines, notebook=other))

    for index in sorted(facts.prelude):
        scope = scopes[index]
        kept = [scope.statements[number] for number in sorted(facts.prelude[index])]
        for cell in scope.cells:
            statements = [found for found in kept if found.cell is cell]
            if not statements:
                continue
            whole = sum(found.cell is cell for found in scope.statements) == len(statements)
            source, lines = (cell.cell.source, ()) if whole else _cut(cell, statements)
            section = statements[0].section
            add(cell, section, source, lines)
            counted.append((section, _header(cell) + b"".join(s.canonical for s in statements)))
    for cell in facts.cells:
        if cell.cell.source.strip():
            add(cell, "user", cell.cell.source)
        if cell.statements or cell.magics:
            counted.append(("user", _header(cell) + canonical(cell.statements)))
    return tuple(pieces), code_digest(counted)


def _cut(cell: ParsedCell, statements: list[SharedStatement]) -> tuple[str, tuple[int, ...]]:
    """The lines of some of a cell's statements, and their numbers in the cell."""
    source = cell.cell.source.split("\n")
    numbers: list[int] = []
    for statement in statements:
        first, last = cell.line(statement.first), statement.last
        # A magic that continues over several lines is one parsed line.
        end = cell.line(last + 1) - 1 if cell.lines and last < len(cell.lines) else last
        if cell.lines and last >= len(cell.lines):
            end = len(source)
        already = numbers[-1] if numbers else 0
        numbers.extend(number for number in range(first, end + 1) if number > already)
    return "\n".join(source[number - 1] for number in numbers), tuple(numbers)


def _header(cell: ParsedCell) -> bytes:
    """The part of a cell's digest that its cell magics add."""
    if not cell.magics:
        return b""
    return json.dumps([cell.magics, cell.body], ensure_ascii=True).encode()
