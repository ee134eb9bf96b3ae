from __future__ import annotations

from ithaca.workflow.root import project_root


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
