"""Writes tagged notebooks from a short notation."""

from __future__ import annotations

from typing import Any

Cell = tuple[str, ...] | dict[str, Any]


def as_notebook(*cells: Cell, **metadata: Any) -> dict[str, Any]:
    """A notebook of format 4; a cell is its source followed by its tags, or a whole cell."""
    listed = [
        cell
        if isinstance(cell, dict)
        else {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {"tags": list(cell[1:])} if cell[1:] else {},
            "outputs": [],
            "source": cell[0].splitlines(keepends=True),
        }
        for cell in cells
    ]
    return {"cells": listed, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
