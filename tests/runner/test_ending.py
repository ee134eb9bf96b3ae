"""No process of an attempt outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from step_project import RUN, Project, step

from ithaca.model.run import AttemptEnd
from ithaca.records import names
from ithaca.runner.task import Task
from ithaca.store import verify

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    while not condition():
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        if sys.platform == "linux":
            return False
        return subprocess.run(["ps", "-p", str(pid)], capture_output=True).returncode == 0
    return text.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def busy(project: Project, tmp_path: Path) -> Callable[[], list[int]]:
    """Defines a step that never ends; returns the pids of its kernel and of two children."""
    pids = tmp_path / "pids"
    source = (
        "import os, signal, subprocess, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "near = subprocess.Popen(['sleep', '1000'])\n"
        "far = subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{near.pid}} {{far.pid}} .')\n"
        "while True: time.sleep(1)"
    )
    project.define(step("a", source))

    def running() -> list[int]:
        wait_until(lambda: pids.exists() and pids.read_text().endswith("."))
        return [int(pid) for pid in pids.read_text().split()[:-1]]

    return running


def attempt_end(project: Project, task: Task) -> AttemptEnd:
    data = project.store.read(names.attempt(RUN, "a", task.attempt, "end"))
    return msgspec.json.decode(data, type=AttemptEnd)


def test_cancelling_an_attempt_ends_its_kernel_and_is_recorded(
    project: Project, busy: Callable[[], list[int]]
) -> None:
    task, runner = project.start("a")
    pids = busy()
    runner.send_signal(signal.SIGTERM)
    assert runner.wait() == 1
    wait_until(lambda: not any(map(is_alive, pids)))
    assert attempt_end(project, task).status == "cancelled"
    assert verify(project.store) == []


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="i", dir="/tmp") as folder:
        yield Path(folder)


def test_killing_a_runner_ends_its_kernel_and_removes_temporary_files(
    project: Project,
    busy: Callable[[], list[int]],
    monkeypatch: pytest.MonkeyPatch,
    short_folder: Path,
) -> None:
    monkeypatch.setenv("TMPDIR", str(short_folder))
    task, runner = project.start("a")
    pids = busy()
    assert any(short_folder.iterdir())
    runner.kill()
    wait_until(lambda: not any(map(is_alive, pids)))
    assert not project.store.exists(names.attempt(RUN, "a", task.attempt, "end"))
    assert verify(project.store) == []
    runner.wait()
    wait_until(lambda: not any(short_folder.iterdir()))


def test_a_runner_without_an_owner_ends_and_writes_nothing(
    project: Project, busy: Callable[[], list[int]]
) -> None:
    watched, ours = os.pipe()
    task, runner = project.start("a", pass_fds=(watched,))
    os.close(watched)
    pids = busy()
    os.close(ours)
    assert runner.wait() != 0
    wait_until(lambda: not any(map(is_alive, pids)))
    assert not project.store.exists(names.attempt(RUN, "a", task.attempt, "end"))
