"""A project whose runs are kept on a remote."""

from __future__ import annotations

from pathlib import Path

import pytest

from ithaca.errors import NotFound
from ithaca.runs.handle import open_runs
from ithaca.runs.project import find_project


def test_reading_a_missing_remote_does_not_create_it(tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    project = find_project(tmp_path, {"store": f"file://{tmp_path}/remote"})
    with pytest.raises(NotFound) as raised:
        open_runs(project)
    assert raised.value.cure
    assert list((tmp_path / "remote").iterdir()) == []


def test_a_remote_is_opened_once_for_all_runs_of_a_project(tmp_path: Path) -> None:
    project = find_project(tmp_path)
    url = f"file://{tmp_path}/remote"
    assert project.shared(url, create=True) is project.shared(url)
