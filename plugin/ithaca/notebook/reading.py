"""Reading order: the order of a composition without any `prev:` tag.

Follows Kale, so that its compositions work unchanged: a step of the outer notebook runs after
everything above it and before everything below it. Of two adjacent included notebooks, the later
waits for the earlier only if it may use names that the earlier binds.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import msgspec

from ithaca.notebook.model import Cell


class ReadingUnit(msgspec.Struct, frozen=True, kw_only=True):
    """A step or an included notebook, in notebook order."""

    name: str
    reference: bool
    cells: list[Cell]


def reading_order(units: list[ReadingUnit]) -> Iterator[tuple[str, str]]:
    """Which unit needs which, without needs that follow from others.

    Args:
        units: In notebook order.

    Yields:
        The name of a unit and the name of one that it needs.
    """
    names = {unit.name: _names(unit.cells) for unit in units}
    before: dict[str, set[str]] = {}
    for index, unit in enumerate(units):
        before[unit.name] = set()
        for earlier in reversed(units[:index]):
            if earlier.name in before[unit.name]:
                continue
            both = unit.reference and earlier.reference
            if both and not _uses(names[unit.name], names[earlier.name]):
                continue
            before[unit.name] |= {earlier.name} | before[earlier.name]
            yield unit.name, earlier.name


_Names = tuple[frozenset[str], frozenset[str]] | None
"""Names that code mentions and names that it binds; None when only IPython can parse it."""


def _uses(later: _Names, earlier: _Names) -> bool:
    """Whether code may use names that other code binds; when in doubt, it does."""
    if later is None or earlier is None:
        return True
    return bool((later[0] | later[1]) & earlier[1])


def _names(cells: list[Cell]) -> _Names:
    read: set[str] = set()
    bound: set[str] = set()
    for cell in cells:
        try:
            tree = ast.parse(cell.source)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                bound.add(node.name)
    return frozenset(read), frozenset(bound)
