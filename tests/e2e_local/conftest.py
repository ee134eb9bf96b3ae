from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from projects import processes

from notebooks import PYTHON, Cell, write_notebook


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project as the current folder; its processes are killed after the test."""
    monkeypatch.delenv("ITHACA_HOME", raising=False)
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    monkeypatch.chdir(root)
    yield root
    for process in processes(str(root)):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


@pytest.fixture
def notebook(project: Path) -> Callable[..., Path]:
    """Writes a notebook of tagged cells into the project."""

    def write(*cells: Cell, **metadata: Any) -> Path:
        return write_notebook(project / "nb.ipynb", *cells, metadata={**PYTHON, **metadata})

    return write
