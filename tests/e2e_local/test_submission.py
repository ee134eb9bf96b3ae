"""What is refused or told before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import Notebook

import ithaca
from ithaca.errors import UsageError

pytestmark = pytest.mark.slow


def test_a_step_that_names_a_file_that_looks_like_credentials_is_told_both_ways_out(
    project: Path, notebook: Notebook
) -> None:
    (project / ".env").write_text("KEY=1")
    path = notebook(("step:load", "text = open('.env').read()"))
    with pytest.raises(UsageError) as raised:
        ithaca.run(path)
    assert raised.value.code == "ITH913"
    (project / ".ithacaignore").write_text("!/.env\n")
    assert ithaca.run(path).wait().status == "succeeded"
    (project / ".ithacaignore").write_text("/.env\n")
    assert ithaca.run(path).wait().status == "failed"


def test_a_secret_in_a_parameter_is_refused_before_anything_is_written(
    project: Path, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hunter-22")
    path = notebook(
        ("pipeline-parameters", "key = ''"), ("step:load secret:s:k:TOKEN", "print(key)")
    )
    with pytest.raises(UsageError) as raised:
        ithaca.run(path, {"key": "hunter-22"})
    assert raised.value.code == "ITH912"
    assert not (project / ".ithaca" / "store" / "runs").exists()
