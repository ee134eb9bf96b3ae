"""Tagged notebooks for tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from notebook_files import Cell, as_notebook

from ithaca.diagnostics import Diagnostic
from ithaca.notebook import TaggedNotebook, outline, read


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a notebook below `tmp_path`, which is a project root."""
    (tmp_path / ".git").mkdir()

    def write(*cells: Cell, name: str = "train.ipynb", **metadata: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(as_notebook(*cells, **metadata), indent=1))
        return path

    return write


@pytest.fixture
def outlined(write: Callable[..., Path]) -> Callable[..., tuple[TaggedNotebook, list[Diagnostic]]]:
    """Write a notebook and outline it."""

    def outlined(*cells: Cell, **kwargs: Any) -> tuple[TaggedNotebook, list[Diagnostic]]:
        return outline(read(write(*cells, **kwargs)))

    return outlined


@pytest.fixture
def steps(outlined: Callable[..., tuple[TaggedNotebook, list[Diagnostic]]]) -> Callable[..., Any]:
    """Steps by name of a notebook in which nothing is wrong."""

    def steps(*cells: Cell, **kwargs: Any) -> Any:
        tagged, found = outlined(*cells, **kwargs)
        assert found == []
        return {step.name: step for step in tagged.steps}

    return steps


@pytest.fixture
def problems(
    outlined: Callable[..., tuple[TaggedNotebook, list[Diagnostic]]],
) -> Callable[..., list[Diagnostic]]:
    """What is wrong with a notebook."""

    def problems(*cells: Cell, **kwargs: Any) -> list[Diagnostic]:
        return outlined(*cells, **kwargs)[1]

    return problems
