from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import ithaca
from ithaca.cli.program import exit_code
from ithaca.errors import UsageError
from ithaca.runs.project import find_project
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


def test_a_table_holds_the_settings_of_one_part(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.ithaca.local]\ncpu = 4\n")
    assert load(tmp_path).table("local") == {"cpu": 4}
    assert load(tmp_path).table("argo") == {}


def test_an_unreadable_settings_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool")
    with pytest.raises(UsageError, match="cannot read the project's settings"):
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
def test_a_setting_of_a_wrong_type_is_refused_before_anything_runs(
    tmp_path: Path, write_notebook: Callable[..., str], content: str, name: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(content)
    write_notebook("nb.ipynb", ("step:a", "x = 1"))
    with pytest.raises(UsageError, match=name):
        ithaca.run(tmp_path / "nb.ipynb", root=tmp_path)
    assert not (tmp_path / ".ithaca" / "store" / "runs").exists()


@pytest.mark.parametrize(
    ("content", "message", "cure"),
    [
        ("parralel = 2", '"parralel"; did you mean "parallel"?', "known settings: backend, "),
        ("colour = 2", '"colour"', "known settings: backend, "),
        (
            "[tool.ithaca.sorce]\nmax_files = 2",
            '"sorce"; did you mean "source"?',
            "known settings: backend, ",
        ),
        (
            "[tool.ithaca.source]\nmax-files = 2",
            '"source.max-files"; did you mean "source.max_files"?',
            "source.max_files",
        ),
        ("[tool.ithaca.reuse]\nlike = 2", '"reuse.like"', "known settings: reuse.ignore"),
    ],
)
def test_an_unknown_setting_is_refused_with_a_suggestion(
    tmp_path: Path, content: str, message: str, cure: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.ithaca]\n{content}\n")
    with pytest.raises(UsageError) as raised:
        load(tmp_path)
    assert raised.value.code == "ITH903"
    assert raised.value.message == f"unknown setting {message}"
    assert cure in raised.value.cure


def test_tables_of_backends_are_not_checked(tmp_path: Path) -> None:
    text = "[tool.ithaca]\nservice-account = 'me'\n[tool.ithaca.argo]\nanything = 1\n"
    (tmp_path / "pyproject.toml").write_text(f"{text}[tool.ithaca.merge]\n'*.x' = 'first'\n")
    assert load(tmp_path).table("argo") == {"anything": 1}
    assert load(tmp_path).text("service_account") == "me"


def test_a_relative_python_of_the_project_is_relative_to_its_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.ithaca]\npython = '.venv/bin/python'\n")
    monkeypatch.chdir("/")
    assert load(tmp_path).text("python") == str(tmp_path / ".venv" / "bin" / "python")
    assert load(tmp_path, {"python": "bin/python"}).text("python") == "bin/python"
    (tmp_path / "pyproject.toml").write_text("[tool.ithaca]\npython = 'python3'\n")
    assert load(tmp_path).text("python") == "python3"


def test_a_relative_home_is_relative_to_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ITHACA_HOME", "kept")
    (tmp_path / ".git").mkdir()
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    store = find_project().store(create=True)
    exit_code(ZeroDivisionError("oh"))
    assert store.path == tmp_path / "kept" / "store"
    assert len(list((tmp_path / "kept" / "bugs").iterdir())) == 1
    assert not list((tmp_path / "deep").iterdir())


def test_git_ignores_a_new_home_and_existing_folders_are_left_alone(tmp_path: Path) -> None:
    project = find_project(tmp_path)
    project.store(create=True)
    assert (tmp_path / ".ithaca" / ".gitignore").read_text() == "*\n"
    assert not (tmp_path / ".ithaca" / "CACHEDIR.TAG").exists()
    there = tmp_path / "there"
    there.mkdir()
    find_project(tmp_path, {"home": str(there)}).store(create=True)
    assert [each.name for each in there.iterdir()] == ["store"]
