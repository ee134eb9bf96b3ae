from __future__ import annotations

from pathlib import Path

import pytest
from projects import Notebook

import ithaca
from ithaca.errors import UsageError

pytestmark = pytest.mark.slow


def test_changes_of_ignored_files_do_not_run_steps_again(project: Path, notebook: Notebook) -> None:
    (project / "pyproject.toml").write_text("[tool.ithaca.reuse]\nignore = ['*.md']\n")
    (project / "data.csv").write_text("1")
    (project / "README.md").write_text("first")
    path = notebook(
        ("step:load", "rows = open('data.csv').read()"),
        ("step:show prev:load", "print(rows)"),
    )
    assert ithaca.run(path).wait().status == "succeeded"
    (project / "README.md").write_text("second")
    assert [step.status for step in ithaca.run(path).wait().steps] == ["reused", "reused"]
    (project / "data.csv").write_text("2")
    assert [step.status for step in ithaca.run(path).wait().steps] == ["succeeded", "succeeded"]


def test_patterns_of_the_wrong_type_are_refused(project: Path, notebook: Notebook) -> None:
    (project / "pyproject.toml").write_text("[tool.ithaca.reuse]\nignore = '*.md'\n")
    with pytest.raises(UsageError, match="must be a list of patterns"):
        ithaca.run(notebook(("step:a", "pass")))


def test_a_metric_that_is_nan_or_infinite_is_published_and_reused(notebook: Notebook) -> None:
    path = notebook(
        ("step:fit", "loss, bound = float('nan'), float('-inf')"),
        ("pipeline-metrics", "print(loss)\nprint(bound)"),
    )
    runs = [ithaca.run(path, wait=True) for _ in range(2)]
    assert [run.steps[0].status for run in runs] == ["succeeded", "reused"]
    assert [str(run.metrics) for run in runs] == ["{'loss': nan, 'bound': -inf}"] * 2
