"""`ithaca runs explain`: why a step ran again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import ithaca
from ithaca.runs.explaining import Explanation, explain
from ithaca.runs.project import find_project
from notebooks import write_notebook

pytestmark = pytest.mark.slow

PARAMETERS = ("pipeline-parameters", "rate = 1")
METRICS = ("pipeline-metrics", "print(total)")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a file as the current folder."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "data.txt").write_text("1")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(load: str = "base = 1", use: str = "total = base * rate", **arguments: object) -> str:
    """Run the notebook with this code, and return the run's id."""
    path = write_notebook(
        Path("nb.ipynb"), PARAMETERS, ("step:load", load), ("step:use prev:load", use), METRICS
    )
    found = ithaca.run(path, arguments, wait=True)
    assert found.status == "succeeded"
    return found.id


def ithaca_command(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ithaca", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def why(run_id: str, step: str) -> Explanation:
    (found,) = explain(find_project(Path.cwd()).store(), run_id, step)
    return found


def reasons(run_id: str, step: str) -> list[tuple[str, str, str]]:
    return [(each.kind, each.name, each.text) for each in why(run_id, step).reasons]


def test_each_kind_of_change_is_named_against_the_nearest_execution(project: Path) -> None:
    first = run()
    assert reasons(first, "load") == [("first", "load", "no earlier run executed this step")]

    edited = run(use="total = base * rate + 1")
    assert why(edited, "load").status == "reused"
    assert reasons(edited, "load") == []
    assert reasons(edited, "use") == [
        ("code", "cell 3", "-total = base * rate\n+total = base * rate + 1")
    ]
    assert why(edited, "use").compared_with == first

    other = run(rate=2)  # nearer to the first run than to the edited one
    assert why(other, "use").compared_with == first
    assert reasons(other, "use") == [("parameter", "rate", "1 → 2")]

    (project / "data.txt").write_text("2")
    filed = run()
    assert reasons(filed, "load") == [("file", "data.txt", "changed")]
    assert reasons(filed, "use") == [("step", "load", "left another result: file data.txt changed")]

    value = run(load="base = 5")
    assert ("step", "load", "left another result: value base changed") in reasons(value, "use")


def test_the_command_prints_reasons_for_every_step_and_as_json(project: Path) -> None:
    run()
    edited = run(use="total = base + rate")
    done = ithaca_command("runs", "explain", edited)
    assert done.returncode == 0, done.stderr
    assert "load  reused" in done.stdout
    assert "    +total = base + rate" in done.stdout
    found = json.loads(ithaca_command("runs", "explain", edited, "use", "--json").stdout)
    assert found[0]["reasons"][0]["kind"] == "code"
    wrong = ithaca_command("runs", "explain", f"{edited}/nothing")
    assert wrong.returncode == 2
    assert "there is no step `nothing`" in wrong.stderr
