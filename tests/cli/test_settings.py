from __future__ import annotations

from pathlib import Path

import pytest

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
