from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from projects import Cell, processes


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty project that we are in; no process of its runs outlives the test."""
    monkeypatch.delenv("ITHACA_HOME", raising=False)
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    monkeypatch.chdir(root)
    yield root
    for process in processes(str(root)):
        process.kill()


@pytest.fixture
def notebook(project: Path) -> Callable[..., Path]:
    """Writes a notebook of tagged cells into the project."""

    def write(*cells: Cell, **metadata: Any) -> Path:
        path = project / "nb.ipynb"
        content = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {
                "kernelspec": {"name": "python3", "display_name": "Python 3"},
                **metadata,
            },
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell{number}",
                    "metadata": {"tags": tags.split(" ") if tags else []},
                    "source": source,
                    "outputs": [],
                    "execution_count": None,
                }
                for number, (tags, source) in enumerate(cells)
            ],
        }
        path.write_text(json.dumps(content))
        return path

    return write
