from __future__ import annotations

from pathlib import Path

import pytest
from projects import Notebook

import ithaca

pytestmark = pytest.mark.slow

KILL_THE_RUNNER_ONCE = """
import os, pathlib, signal
once = pathlib.Path({once!r})
if not once.exists():
    once.touch()
    os.kill(os.getppid(), signal.SIGKILL)
    signal.pause()
"""


def test_a_runner_that_vanishes_is_started_again_though_the_step_has_no_retries(
    project: Path, notebook: Notebook, tmp_path: Path
) -> None:
    code = KILL_THE_RUNNER_ONCE.format(once=str(tmp_path / "once"))
    run = ithaca.run(notebook(("step:a", code))).wait()
    assert run.status == "succeeded", run.to_json()
    assert run.steps[0].attempt == 2
    first = run.attempts("a")[0]
    assert first is not None
    assert first.error is not None
    assert first.error.code == "ITH622"


def test_the_budget_is_a_setting(project: Path, notebook: Notebook, tmp_path: Path) -> None:
    (project / "pyproject.toml").write_text("[tool.ithaca]\ninfrastructure_retries = 0\n")
    code = KILL_THE_RUNNER_ONCE.format(once=str(tmp_path / "once"))
    run = ithaca.run(notebook(("step:a", code))).wait()
    assert (run.status, run.steps[0].attempt) == ("failed", 1)
