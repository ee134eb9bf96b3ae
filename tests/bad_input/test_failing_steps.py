"""One run of a notebook in which every step fails in a different way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from user_project import Answer, Project

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("failing steps")]

IMPORTS = "import os, shutil, signal, socket, subprocess, sys, threading, time"

STEPS = {
    "holds_socket": "connection = socket.socket()",
    "reads_socket prev:holds_socket": "print(connection)",
    "holds_lock": "lock = threading.Lock()",
    "reads_lock prev:holds_lock": "print(lock)",
    "holds_generator": "numbers = (each for each in range(3))",
    "reads_generator prev:holds_generator": "print(next(numbers))",
    "promises": "if scale > 1:\n    promised = 2",
    "believes prev:promises": "print(promised)",
    "deletes_its_folder": "shutil.rmtree('.')",
    "deletes_the_root": "shutil.rmtree(os.environ['ITHACA_ROOT'])",
    "takes_too_long timeout:2s": "subprocess.Popen(['sleep', '3600'])\ntime.sleep(3600)",
    "ends_its_kernel": "x = 1\nos._exit(3)",
    "kills_its_kernel": "os.kill(os.getpid(), signal.SIGKILL)",
    "asks": "x = 1\nname = input('who?')",
    "asks_in_a_command timeout:60s": "!cat\n!read answer || exit 7\nassert _exit_code == 7\n1 / 0",
    "exits": "sys.exit(4)",
    "quits": "exit()",
    "shows": "class Shy:\n    def __repr__(self):\n        raise OSError('no')\n\nShy()",
    "interrupts": "raise KeyboardInterrupt",
    "publishes_a_word": "word = 'x'",
    "publishes_nothing": "if scale > 1:\n    number = 2",
    "needs_a_secret secret:tokens:key:MY_TOKEN": "print(os.environ['MY_TOKEN'])",
}

ERRORS: dict[str, tuple[str, int | None, int | None, list[str]]] = {
    # step: code, cell, line, words of message and cure
    "holds_socket": ("ITH510", None, None, ["connection (socket.socket)", "open it in the step"]),
    "holds_lock": ("ITH510", None, None, ["lock (_thread.lock)", "create it in the step"]),
    "holds_generator": ("ITH510", None, None, ["numbers (generator)", "in a list"]),
    "promises": ("ITH511", None, None, ["without binding promised", "on every path"]),
    "deletes_its_folder": ("ITH506", 11, None, ["deleted its working directory"]),
    "deletes_the_root": ("ITH506", 12, None, ["deleted its working directory"]),
    "takes_too_long": ("ITH503", None, None, ["its time limit of 2 s", "`timeout:`"]),
    "ends_its_kernel": ("ITH502", 14, None, ["exit status 3", "os._exit"]),
    "kills_its_kernel": ("ITH502", 15, None, ["killed by SIGKILL", "out of memory"]),
    "asks": ("ITH505", 16, 2, ["asks for input", "make it a parameter"]),
    "asks_in_a_command": ("ITH501", 17, 4, ["ZeroDivisionError"]),
    "exits": ("ITH501", 18, 1, ["SystemExit (4)", "an exit would lose its values"]),
    "quits": ("ITH501", 19, None, ["SystemExit", "an exit would lose its values"]),
    "shows": ("ITH501", 20, 3, ["OSError: no"]),
    "interrupts": ("ITH501", 21, 1, ["KeyboardInterrupt"]),
    "publishes_a_word": ("ITH516", None, None, ["word is not a number: word is a str"]),
    "publishes_nothing": ("ITH516", None, None, ["number has no value", "bind number"]),
    "needs_a_secret": ("ITH508", None, None, ["MY_TOKEN", "set it in the environment"]),
}

SKIPPED = {"reads_socket", "reads_lock", "reads_generator", "believes"}


@dataclass(frozen=True)
class Failed:
    """The project of the run, the answer of the program, and the steps."""

    project: Project
    answer: Answer
    steps: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Failed]:
    project = Project(tmp_path_factory.mktemp("failing") / "project")
    (project.root / ".git").mkdir(parents=True)
    project.notebook(
        ("imports", IMPORTS),
        ("pipeline-parameters", "scale = 0.1"),
        *((f"step:{tags}", source) for tags, source in STEPS.items()),
        ("pipeline-metrics", "print(word)\nprint(number)"),
    )
    answer = project.ithaca("run", "nb.ipynb")
    try:
        yield Failed(project, answer, project.steps())
        project.assert_sound()
    finally:
        project.kill()


def test_the_run_fails_and_reports_each_failure_once(failed: Failed) -> None:
    assert failed.answer.code == 1
    assert sorted(failed.answer.codes) == sorted(code for code, *_ in ERRORS.values())
    assert {name for name, step in failed.steps.items() if step["status"] == "skipped"} == SKIPPED
    assert "ithaca runs retry" in failed.answer.out
    lines = failed.answer.err.splitlines()
    assert [line for line in lines if not line.endswith("…")] == []  # progress of slow machines


@pytest.mark.parametrize("name", ERRORS)
def test_a_failure_names_its_place_reason_and_cure(failed: Failed, name: str) -> None:
    code, cell, line, parts = ERRORS[name]
    step = failed.steps[name]
    assert step["status"] == ("timed_out" if code == "ITH503" else "failed")
    error = step["error"]
    assert error["code"] == code
    if cell is not None:
        assert (error["cell"], error["line"]) == (cell, line)
    text = f"{error['message']} {error['cure']}"
    assert [part for part in parts if part not in text] == [], text
    place = f"error[{code}]: step `{name}`"
    place += f", cell {cell}" if cell is not None else ""
    place += f", line {line}" if line is not None else ""
    assert place in failed.answer.out


def test_logs_show_no_path_of_ithaca(failed: Failed) -> None:
    logs, _ = failed.project.start("runs", "logs", "latest").communicate()
    assert "exit status 3" in logs
    assert "plugin/ithaca" not in logs


def test_a_command_that_asks_for_input_gets_end_of_file(failed: Failed) -> None:
    step = failed.steps["asks_in_a_command"]
    assert (step["status"], step["error"]["name"]) == ("failed", "ZeroDivisionError")


def test_the_log_reports_an_unsavable_value_once_without_frames(
    failed: Failed,
) -> None:
    log = failed.project.ithaca("runs", "logs", "latest/holds_socket").out
    assert log.count("ITH510") == 1
    assert "ithaca_kernel" not in log


def test_the_log_of_a_failed_step_contains_its_traceback_and_its_error(failed: Failed) -> None:
    process = failed.project.start("runs", "logs", "latest/asks")
    log, _ = process.communicate()
    assert "StdinNotImplementedError" in log
    assert "ITH505: cell 16" in log


def test_a_step_can_only_delete_its_own_folder(failed: Failed) -> None:
    assert sorted(os.listdir(failed.project.root)) == [".git", ".ithaca", "nb.ipynb"]
    assert Path(failed.project.root / "nb.ipynb").stat().st_size
