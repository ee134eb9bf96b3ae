"""The string literals of a piece of code, and the words of its magics."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from ithaca.analysis.cells import parse
from ithaca.analysis.magics import interpret
from ithaca.notebook.model import Cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ithaca.model.workflow import Code


def literals(code: Code) -> Iterator[tuple[str, int]]:
    r"""Every literal of a piece of code, and its line in the user's cell.

    Also each word of a magic or shell line: `!cat a.txt` has `cat` and `a.txt`. Code that
    cannot be parsed has none.

    Example:
        >>> from ithaca.model.workflow import Code
        >>> list(literals(Code(cell=1, kind="user", source="open('a.txt')\n!cat b.txt")))
        [('a.txt', 1), ('cat', 2), ('b.txt', 2), ('cat b.txt', 2)]
    """
    parsed = parse(Cell(number=code.cell, kind="code", source=code.source))
    lines = code.lines

    def place(number: int) -> int:
        within = parsed.line(number)
        return lines[min(within, len(lines)) - 1] if lines else within

    for _, line in parsed.magics:
        yield from ((word, place(1)) for word in _words(line))
    yield from ((word, place(1)) for word in _words(parsed.body))
    for node in (each for statement in parsed.statements for each in ast.walk(statement)):
        if isinstance(node, ast.Call) and interpret(node) is not None:
            for text in _texts(node.args):
                yield from ((word, place(node.lineno)) for word in _words(text))
        elif isinstance(node, ast.expr):
            yield from ((text, place(node.lineno)) for text in _texts([node]))


def _texts(nodes: Sequence[ast.expr]) -> list[str]:
    return [
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def _words(text: str) -> list[str]:
    return [word.strip("\"'`;|&<>()") for word in text.split()]
