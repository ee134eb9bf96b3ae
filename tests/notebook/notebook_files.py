"""Writes tagged notebooks from a short notation."""

from __future__ import annotations

from typing import Any

from notebooks import code_cell, notebook

Cell = tuple[str, ...] | dict[str, Any]


def as_notebook(*cells: Cell, **metadata: Any) -> dict[str, Any]:
    """A notebook of format 4; a cell is its source followed by its tags, or a whole cell."""
    listed = [cell if isinstance(cell, dict) else code_cell(cell[0], cell[1:]) for cell in cells]
    return notebook(listed, metadata=metadata)
