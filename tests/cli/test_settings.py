from __future__ import annotations

import json
from pathlib import Path

import pytest

import ithaca
from ithaca.errors import UsageError
from ithaca.settings import load


def test_the_environment_wins_over_the_project_and_a_flag_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.ithaca]\nparallel = 1\nnamespace = 'a'\n")
    assert load(tmp_path).number("parallel", 9) == 1
    monkeypatch.setenv("ITHACA_PARALLEL", "2")
    assert load(tmp_path).number("parallel", 9) == 2
    assert load(tmp_path, {"parallel": 3, "namespace": None}).number("parallel", 9) == 3
    assert load(tmp_path, {"namespace": None}).text("namespace") == "a"


def test_without_any_setting_the_home_is_in_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ITHACA_HOME", raising=False)
    assert load(tmp_path).home == tmp_path / ".ithaca"
    monkeypatch.setenv("ITHACA_HOME", "/elsewhere")
    assert load(tmp_path).home == Path("/elsewhere")


def test_tables_are_the_settings_of_one_room(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.ithaca.local]\ncpu = 4\n")
    assert load(tmp_path).table("local") == {"cpu": 4}
    assert load(tmp_path).table("argo") == {}


def test_settings_that_cannot_be_read_are_said_with_their_file(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool")
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("[tool]\nithaca = 3\n", "tool.ithaca"),
        ("[tool.ithaca]\nsource = 3\n", "source"),
        ("[tool.ithaca.source]\nmax_files = 'many'\n", "source.max_files"),
        ("[tool.ithaca.local]\ncpu = 'all'\n", "local.cpu"),
        ("[tool.ithaca.merge]\n'*.csv' = 'newest'\n", "tool.ithaca.merge"),
    ],
)
def test_a_setting_of_a_wrong_kind_is_said_before_anything_runs(
    tmp_path: Path, content: str, name: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(content)
    notebook = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            {
                "cell_type": "code",
                "id": "a",
                "metadata": {"tags": ["step:a"]},
                "source": "x = 1",
                "outputs": [],
                "execution_count": None,
            }
        ],
    }
    (tmp_path / "nb.ipynb").write_text(json.dumps(notebook))
    with pytest.raises(UsageError, match=name):
        ithaca.run(tmp_path / "nb.ipynb", root=tmp_path)
    assert not (tmp_path / ".ithaca" / "store" / "runs").exists()
