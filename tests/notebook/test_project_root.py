from __future__ import annotations

import os

from ithaca.notebook.root import project_root


def test_the_root_is_that_of_the_git_repository(tmp_path):
    (tmp_path / ".git").mkdir()
    assert project_root(tmp_path / "a" / "b" / "nb.ipynb") == tmp_path


def test_a_linked_worktree_has_a_file_for_git(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "a" / ".git").write_text("gitdir: elsewhere")
    assert project_root(tmp_path / "a" / "nb.ipynb") == tmp_path / "a"


def test_a_relative_path_is_taken_from_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / ".git").mkdir()
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    assert project_root("nb.ipynb") == tmp_path
    assert project_root("../nb.ipynb") == tmp_path


def test_without_git_the_nearest_ithaca_folder_is_the_root(tmp_path):
    (tmp_path / "a" / ".ithaca").mkdir(parents=True)
    (tmp_path / ".ithaca").mkdir()
    assert project_root(tmp_path / "a" / "b" / "c" / "nb.ipynb") == tmp_path / "a"
    assert project_root(tmp_path / "z" / "nb.ipynb") == tmp_path


def test_git_wins_over_an_ithaca_folder(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "a" / ".ithaca").mkdir(parents=True)
    assert project_root(tmp_path / "a" / "nb.ipynb") == tmp_path


def test_the_home_folder_is_the_root_of_no_folder_in_it(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ithaca").mkdir()
    assert project_root(tmp_path / "a" / "nb.ipynb") == tmp_path / "a"


def test_an_ithaca_folder_of_another_user_is_not_a_root(tmp_path, monkeypatch):
    (tmp_path / ".ithaca").mkdir()
    own = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: own + 1)
    assert project_root(tmp_path / "a" / "nb.ipynb") == tmp_path / "a"
