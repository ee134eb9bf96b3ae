"""Parses cells as IPython runs them, and maps every parsed line to its line in the cell."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ithaca.analysis.magics import AUTOMAGIC, PYTHON_CELLS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.notebook.model import Cell

_FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_CELL_MAGIC = re.compile(r"\s*%%(!|\w+)([^\n]*)\n?")
_SIMPLE_MAGIC = re.compile(r"%(\w+)(?:\s+(.*))?$")
_HELP = re.compile(r"\s*\?|.*\?\s*$")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a cell cannot be parsed: the message and, where known, the place in the cell."""

    message: str
    line: int | None
    column: int | None
    end_column: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ParsedCell:
    """A cell and its syntax tree.

    Attributes:
        cell: The cell.
        statements: The module's statements; empty when the cell cannot be parsed.
        code: The parsed lines, which differ from the cell's where it has magics.
        lines: For each parsed line its line in the cell; empty when they are the same.
        magics: The cell magics above the code, outermost first: name and line.
        body: The text below cell magics of another language.
        problem: Why it cannot be parsed.
    """

    cell: Cell
    statements: Sequence[ast.stmt] = ()
    code: tuple[str, ...] = ()
    lines: tuple[int, ...] = ()
    magics: tuple[tuple[str, str], ...] = ()
    body: str = ""
    problem: Problem | None = None

    def line(self, number: int) -> int:
        """The line in the cell for a parsed line (both from 1)."""
        if not self.lines:
            return number
        return self.lines[min(number, len(self.lines)) - 1]

    def columns(self, node: ast.AST) -> tuple[int | None, int | None]:
        """The first column of a node and the one after its last, from 1; None when unknown."""
        number = getattr(node, "lineno", None)
        if number is None or number > len(self.code):
            return None, None
        text = self.code[number - 1]
        if text != self.text(self.line(number)):
            return None, None
        start = _characters(text, getattr(node, "col_offset", 0))
        if getattr(node, "end_lineno", None) != number:
            return start + 1, len(text) + 1
        return start + 1, _characters(text, getattr(node, "end_col_offset", 0)) + 1

    def text(self, number: int) -> str:
        """The text of a line of the cell."""
        found = self.cell.source.split("\n")
        return found[number - 1] if 0 < number <= len(found) else ""


def parse(cell: Cell) -> ParsedCell:
    r"""Parse a cell; a syntax error is in `ParsedCell.problem`.

    Imports IPython only for cells that are neither plain Python nor simple magics.

    Example:
        >>> from ithaca.notebook.model import Cell
        >>> parsed = parse(Cell(number=1, kind="code", source="%pip install x\ny = 1"))
        >>> len(parsed.statements), parsed.line(2)
        (2, 2)
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _parse(cell, cell.source, 0, ())


def _parse(cell: Cell, source: str, offset: int, magics: tuple[tuple[str, str], ...]) -> ParsedCell:
    found = _CELL_MAGIC.match(source)
    if found:
        name, line = found.group(1), found.group(2).strip()
        skipped, body = found.group(0).count("\n"), source[found.end() :]
        magics = (*magics, (name, line))
        if name in PYTHON_CELLS:
            return _parse(cell, body, offset + skipped, magics)
        return ParsedCell(cell=cell, magics=magics, body=body)
    code = tuple(source.split("\n"))
    shifted = tuple(range(offset + 1, offset + len(code) + 1)) if offset else ()
    problem = _attempt(source)
    if isinstance(problem, ast.Module):
        return ParsedCell(cell, problem.body, code, shifted, magics)
    for attempt in (_simple_magics, _ipython):
        changed = attempt(source)
        if changed is None:
            continue
        text, lines = changed
        tree = _attempt(text)
        moved = tuple(number + offset for number in lines)
        if isinstance(tree, ast.Module):
            return ParsedCell(cell, tree.body, tuple(text.split("\n")), moved, magics)
        problem = _located(tree, text, source, lines)
    if problem.line is not None:
        problem = Problem(
            problem.message, problem.line + offset, problem.column, problem.end_column
        )
    return ParsedCell(cell=cell, magics=magics, problem=problem)


def _attempt(source: str) -> ast.Module | Problem:
    try:
        tree = compile(source, "<cell>", "exec", flags=_FLAGS, dont_inherit=True)
    except SyntaxError as error:
        column = error.offset if error.offset and error.offset > 0 else None
        end = error.end_offset if error.end_lineno == error.lineno else None
        end = end if column and end and end > column else None
        return Problem(error.msg, error.lineno or None, column, end)
    except (ValueError, RecursionError, MemoryError) as error:
        return Problem(str(error) or "the code is nested too deeply", None, None)
    assert isinstance(tree, ast.Module)
    return tree


def _located(problem: Problem, text: str, source: str, lines: Sequence[int]) -> Problem:
    """A problem with its place in the source."""
    if problem.line is None:
        return problem
    number = min(problem.line, len(lines))
    original = lines[number - 1]
    old, new = source.split("\n"), text.split("\n")
    same = old[original - 1 : original] == new[number - 1 : number]
    column, end = (problem.column, problem.end_column) if same else (None, None)
    return Problem(problem.message, original, column, end)


def _simple_magics(source: str) -> tuple[str, tuple[int, ...]] | None:
    """Rewrite whole-line magics and shell lines as IPython does; None when there are none.

    This avoids importing IPython for most notebooks.
    """
    lines = source.split("\n")
    if any(line.endswith("\\") or _HELP.match(line) for line in lines):
        return None
    changed = [_simple_magic(line) for line in lines]
    if changed == lines:
        words = source.split(None, 1)
        if len(source.strip().split("\n")) != 1 or not words or words[0] not in AUTOMAGIC:
            return None
        changed = [_simple_magic("%" + line.strip()) if line.strip() else line for line in lines]
    return "\n".join(changed), tuple(range(1, len(lines) + 1))


def _simple_magic(line: str) -> str:
    if line.startswith("!") and not line.startswith("!!"):
        return f"get_ipython().system({line[1:].strip()!r})"
    found = _SIMPLE_MAGIC.match(line)
    if not found:
        return line
    rest = (found.group(2) or "").rstrip()
    return f"get_ipython().run_line_magic({found.group(1)!r}, {rest!r})"


def _ipython(source: str) -> tuple[str, tuple[int, ...]] | None:
    """Apply IPython's own rewrites one at a time, to keep track of lines."""
    from IPython.core.inputtransformer2 import (
        TRANSFORM_LOOP_LIMIT,
        TransformerManager,
    )

    manager: Any = TransformerManager()  # type: ignore[no-untyped-call]
    lines = (source if source.endswith("\n") else source + "\n").splitlines(keepends=True)
    places = list(range(1, len(lines) + 1))
    try:
        for transform in manager.cleanup_transforms + manager.line_transforms:
            changed = transform(list(lines))
            lines, places = changed, _follow(lines, changed, places)
        for _ in range(TRANSFORM_LOOP_LIMIT):
            again, changed = manager.do_one_token_transform(lines)
            if not again:
                break
            lines, places = changed, _follow(lines, changed, places)
    except SyntaxError:
        return None
    text = "".join(lines).removesuffix("\n")
    return text, tuple(places) or (1,)


def _follow(old: list[str], new: list[str], places: list[int]) -> list[int]:
    """The original places of the lines after a rewrite."""
    if len(old) == len(new):
        return places
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    rewritten = len(new) - start - end
    first = places[min(start, len(places) - 1)]
    return places[:start] + [first] * rewritten + (places[len(old) - end :] if end else [])


def _characters(text: str, offset: int) -> int:
    """The number of characters before an offset in UTF-8 bytes, which the parser reports."""
    if text.isascii():
        return offset
    return len(text.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "ignore"))
