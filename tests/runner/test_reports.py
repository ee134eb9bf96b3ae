"""`ithaca.report`: from a process of the step to the run's documents."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from step_project import RUN, Project, step

import ithaca
from ithaca.kernel.ithaca_kernel.reporting import LAST
from ithaca.model.run import Reports, Trial
from ithaca.model.workflow import Step
from ithaca.records.journal import Journal
from ithaca.runner.kernel import write_library

PROGRAM = """
import sys
sys.path[:0] = [sys.argv[1] + "/lib"]
sys.path.append(sys.argv[1] + "/last")
import ithaca
ithaca.report(0.5, 3)
print(ithaca.__file__)
"""


def library(folder: Path, source: str) -> Path:
    """What the kernel of a step with this code has on its path."""
    found: Step = step("fit", source)
    write_library(folder, found)
    return folder


def test_a_step_that_imports_ithaca_finds_a_small_one_where_none_is_installed(
    tmp_path: Path,
) -> None:
    library(tmp_path, "import ithaca\nithaca.report(1, 1)")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(tmp_path)],
        env={**os.environ, "ITHACA_STEP": str(tmp_path / "step.json")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(tmp_path / LAST / "ithaca.py")
    assert (tmp_path / "reports.jsonl").read_text() == '[3, "0.5"]\n'


def test_a_step_that_does_not_import_ithaca_finds_none(tmp_path: Path) -> None:
    assert not (library(tmp_path, "print('import ithaca')\nithaca = 1") / LAST).exists()


@pytest.mark.parametrize(
    ("value", "number", "error"),
    [("low", 1, ValueError), (0.5, 1.5, TypeError), (0.5, True, TypeError), (0.5, -1, ValueError)],
)
def test_a_wrong_report_is_an_error(value: object, number: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        ithaca.report(value, number)  # type: ignore[arg-type]


@pytest.mark.slow
def test_what_a_step_and_its_child_processes_report_is_in_the_run_of_a_trial(
    project: Project,
) -> None:
    child = "import ithaca; ithaca.report(float('nan'), 7)"
    project.define(
        step(
            "fit",
            "import ithaca, subprocess, sys",
            "ithaca.report(0.5, 0)\nithaca.report(0.25, 0)",
            f"subprocess.run([sys.executable, '-c', {child!r}], check=True)",
        )
    )
    project.run("fit", trial=Trial(study="search", number=0))
    found = Journal(project.store, RUN).store.read(f"runs/{RUN}/steps/fit/1/reports")
    assert msgspec.json.decode(found, type=Reports).values == {0: 0.25, 7: "nan"}
