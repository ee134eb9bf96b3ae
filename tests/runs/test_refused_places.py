from __future__ import annotations

import json
from pathlib import Path

import pytest

import ithaca
from ithaca.errors import UsageError


def test_a_notebook_directly_in_the_home_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ITHACA_HOME", raising=False)
    cell = {"cell_type": "code", "metadata": {"tags": ["step:a"]}, "source": "x = 1"}
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    (tmp_path / "nb.ipynb").write_text(json.dumps(notebook))
    with pytest.raises(UsageError) as raised:
        ithaca.run(tmp_path / "nb.ipynb")
    assert raised.value.code == "ITH914"
    assert "git init" in raised.value.cure
    assert [path.name for path in tmp_path.iterdir()] == ["nb.ipynb"]
