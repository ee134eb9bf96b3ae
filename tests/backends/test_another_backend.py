"""A backend from a package of its own: `examples/backends/make`, built as a wheel and installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import warm_program
from notebooks import Cell, write_notebook

if TYPE_CHECKING:
    from collections.abc import Callable

PACKAGE = Path(__file__).parents[2] / "examples" / "backends" / "make"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed"),
]

CHAIN = (
    ("pipeline-parameters", "n = 1"),
    ("step:load", "rows = [n] * 3"),
    ("step:total prev:load", "total = sum(rows)"),
    ("pipeline-metrics", "print(total)"),
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the package's wheel was installed."""
    folder = tmp_path_factory.mktemp("make")
    uv = [sys.executable, "-m", "uv", "--quiet"]
    wheels = folder / "wheels"
    build = ["build", "--wheel", "--no-build-isolation", "--python", sys.executable]
    subprocess.run([*uv, *build, "--out-dir", wheels, PACKAGE], check=True)
    (wheel,) = wheels.glob("*.whl")
    target = folder / "site"
    install = ["pip", "install", "--no-deps", "--target", target, wheel]
    subprocess.run([*uv, *install], check=True)
    return target


class Project:
    """A project in which that backend is installed."""

    def __init__(self, folder: Path, installed: Path) -> None:
        self.folder = folder / "project"
        (self.folder / ".git").mkdir(parents=True)
        interpreter = str(Path(sys.executable).parent)
        self.env = {
            **os.environ,
            "PYTHONPATH": str(installed),
            "ITHACA_STORE": (folder / "store").as_uri(),
            "PATH": f"{interpreter}:{os.environ['PATH']}",
        }

    def write(self, *cells: Cell) -> None:
        write_notebook(self.folder / "nb.ipynb", *cells)

    def call(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words, cwd=self.folder, env=self.env, capture_output=True, text=True, check=False
        )

    def ithaca(self, *words: str) -> subprocess.CompletedProcess[str]:
        return warm_program.call(*words, folder=self.folder, env=self.env)

    def run(self, *words: str) -> tuple[int, dict[str, Any]]:
        done = self.ithaca("run", "nb.ipynb", "--backend", "make", "--json", *words)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def start(self) -> str:
        done = self.ithaca("run", "nb.ipynb", "--backend", "make", "--detach")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def wait(self, run: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while True:
            told: dict[str, Any] = json.loads(self.ithaca("runs", "show", run, "--json").stdout)
            if holds(told):
                return told
            assert told["status"] in ("pending", "running"), told
            time.sleep(0.2)


@pytest.fixture
def project(tmp_path: Path, installed: Path) -> Project:
    return Project(tmp_path, installed)


def statuses(told: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["status"] for each in told["steps"]}


def ended(told: dict[str, Any]) -> bool:
    return told["status"] not in ("pending", "running")


def test_it_is_less_than_150_lines() -> None:
    assert len((PACKAGE / "ithaca_make.py").read_text().splitlines()) < 150


def test_it_runs_a_notebook_and_what_is_known_is_reused(project: Project) -> None:
    project.write(*CHAIN)
    code, told = project.run("-p", "n=2")
    assert (code, told["metrics"]) == (0, {"total": 6}), told
    code, again = project.run("-p", "n=2")
    assert (code, set(statuses(again).values())) == (0, {"reused"})


def test_a_failure_is_told_tried_again_and_stops_only_what_needs_the_step(project: Project) -> None:
    project.write(
        ("step:bad retry:1", "x = 1 / 0"),
        ("step:after prev:bad", "print(x)"),
        ("step:other", "y = 1"),
    )
    code, told = project.run()
    assert (code, told["status"]) == (1, "failed")
    assert statuses(told) == {"bad": "failed", "after": "skipped", "other": "succeeded"}
    assert told["steps"][0]["error"]["name"] == "ZeroDivisionError"
    shown = json.loads(project.ithaca("runs", "show", f"{told['id']}/bad", "--json").stdout)
    assert len(shown["attempts"]) == 2


@pytest.mark.parametrize(("answer", "status"), [("approve", "succeeded"), ("reject", "failed")])
def test_a_person_is_asked_and_the_answer_counts(
    project: Project, answer: str, status: str
) -> None:
    project.write(("step:ask approval:Really?", "x = 1"))
    run = project.start()
    project.wait(run, lambda told: statuses(told)["ask"] == "waiting")
    assert project.ithaca("runs", answer, f"{run}/ask").returncode == 0
    assert project.wait(run, ended)["status"] == status


def test_a_cancelled_run_leaves_no_process(project: Project) -> None:
    project.write(("step:long", "import time\ntime.sleep(600)"))
    run = project.start()
    project.wait(run, lambda told: statuses(told)["long"] == "running")
    assert project.ithaca("runs", "cancel", run).returncode == 0
    assert project.wait(run, ended)["status"] == "cancelled"
    lock = project.folder / ".ithaca" / "make" / run / "lock"
    assert subprocess.run(["flock", lock, "true"], check=False).returncode == 0


def test_make_alone_runs_what_was_compiled_and_the_run_is_recorded(project: Project) -> None:
    project.write(*CHAIN)
    compiled = project.ithaca(
        *("compile", "nb.ipynb", "--backend", "make", "--push", "-o", "Makefile")
    )
    assert compiled.returncode == 0, compiled.stderr
    made = project.call("make", "ARGUMENTS=--argument n=5")
    assert made.returncode == 0, made.stderr
    told = json.loads(project.ithaca("runs", "show", "latest", "--json").stdout)
    assert (told["status"], told["metrics"], told["parameters"]) == (
        *("succeeded", {"total": 15}),
        {"n": 5},
    )
