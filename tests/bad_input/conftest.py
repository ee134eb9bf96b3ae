from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from user_project import Project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """An empty project, whose soundness is checked after the test."""
    monkeypatch.delenv("ITHACA_HOME", raising=False)
    found = Project(tmp_path / "project")
    (found.root / ".git").mkdir(parents=True)
    try:
        yield found
        found.assert_sound()
    finally:
        found.kill()
