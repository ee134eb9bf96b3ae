from __future__ import annotations

from pathlib import Path

import pytest

import ithaca
from ithaca.errors import UsageError
from notebooks import write_notebook


def test_a_notebook_directly_in_the_home_folder_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ITHACA_HOME", raising=False)
    path = write_notebook(tmp_path / "nb.ipynb", ("step:a", "x = 1"))
    with pytest.raises(UsageError) as raised:
        ithaca.run(path)
    assert raised.value.code == "ITH914"
    assert "git init" in raised.value.cure
    assert [path.name for path in tmp_path.iterdir()] == ["nb.ipynb"]
