"""Writes notebooks of tagged cells."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Cell = tuple[str, str]
"""Tags with spaces between them, and the source."""

PYTHON = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
"""The metadata of a notebook with a Python kernel."""


def write_notebook(path: Path, *cells: Cell, metadata: Mapping[str, Any] = PYTHON) -> Path:
    """Write a notebook of tagged cells, as Jupyter does."""
    content = notebook(
        [code_cell(source, tags.split()) for tags, source in cells], metadata=metadata
    )
    path.write_text(json.dumps(content, indent=1))
    return path


def notebook(
    cells: Iterable[Mapping[str, Any]], *, metadata: Mapping[str, Any] = PYTHON
) -> dict[str, Any]:
    """The content of a notebook; a cell without an id gets one."""
    return {
        "cells": [{"id": f"cell{number}", **cell} for number, cell in enumerate(cells)],
        "metadata": metadata,
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def code_cell(source: str, tags: Iterable[str] = ()) -> dict[str, Any]:
    """A code cell that has not run."""
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": list(tags)},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }
