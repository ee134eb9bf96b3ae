from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest
from projects import Notebook, processes

import ithaca
from ithaca.backends.local import lock, work

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "ithaca"]


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""
    while not condition():
        time.sleep(0.05)


def statuses(run: ithaca.Run) -> dict[str, str]:
    """The status of every step."""
    return {step.name: step.status for step in run.steps}


def run_ithaca(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True)


def test_ctrl_c_ends_every_kernel_and_cancels_the_run(notebook: Notebook) -> None:
    path = notebook(("step:slow", "import time\ntime.sleep(1000)"), ("step:end prev:slow", "pass"))
    client = subprocess.Popen([*COMMAND, "run", str(path)], stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None
    assert client.stdout.readline().startswith("run ")
    run = ithaca.open_run()
    wait_until(lambda: len(processes(run.id)) >= 3)
    client.send_signal(signal.SIGINT)
    client.communicate()
    assert client.returncode == 130
    assert run.status == "cancelled"
    assert statuses(run) == {"slow": "cancelled", "end": "skipped"}
    wait_until(lambda: not processes(run.id))
    assert not work.run_folder(run.home, run.id).exists()


def test_killing_the_supervisor_ends_every_kernel_and_a_retry_completes_the_run(
    notebook: Notebook, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    path = notebook(
        ("step:load", "x = 1"),
        (
            "step:slow prev:load",
            "import os, time\n"
            f"while not os.path.exists({str(flag)!r}):\n    time.sleep(0.1)\n"
            "y = x",
        ),
    )
    done = run_ithaca("run", str(path), "--detach")
    run = ithaca.open_run(done.stdout.strip())
    wait_until(lambda: statuses(run)["slow"] == "running" and len(processes(run.id)) >= 3)
    owner = lock.owner(work.lock_path(run.home, run.id))
    assert owner is not None
    os.kill(owner, signal.SIGKILL)
    wait_until(lambda: not processes(run.id))
    assert run.status == "lost"
    assert statuses(run)["slow"] in {"lost", "cancelled"}
    flag.touch()
    again = run.retry().wait()
    assert statuses(again) == {"load": "reused", "slow": "succeeded"}
    assert run_ithaca("snapshots", "verify").returncode == 0


def test_a_step_waits_for_approval_and_fails_if_it_is_rejected(notebook: Notebook) -> None:
    path = notebook(
        ("step:load", "x = 1"),
        ("step:deploy prev:load approval:Really?", "print(x)"),
    )
    run = ithaca.run(path)
    wait_until(lambda: statuses(run)["deploy"] == "waiting")
    assert run_ithaca("runs", "reject", f"{run.id}/deploy", "--comment", "no").returncode == 0
    assert run.wait().status == "failed"
    error = run.step("deploy").error
    assert error is not None
    assert error.message.endswith("rejected `Really?`: no")
    again = run.retry()
    wait_until(lambda: statuses(again)["deploy"] == "waiting")
    assert run_ithaca("runs", "approve", again.id).returncode == 0
    assert again.wait().status == "succeeded"


def test_a_step_fails_with_a_reason_if_its_runner_is_killed_too_often(
    project: Path, notebook: Notebook
) -> None:
    (project / "pyproject.toml").write_text("[tool.ithaca]\ninfrastructure_retries = 0\n")
    path = notebook(("step:slow", "import time\ntime.sleep(1000)"))
    run = ithaca.run(path)
    wait_until(lambda: len(processes(run.id)) >= 3)
    [supervisor] = [each for each in processes(run.id) if run.id in each.cmdline()][:1]
    [runner] = supervisor.children()
    runner.kill()
    run.wait()
    step = run.step("slow")
    assert (run.status, step.attempt) == ("failed", 1)
    assert step.error is not None
    assert step.error.code == "ITH622"
    assert "SIGKILL" in step.error.message
    wait_until(lambda: not processes(run.id))


def test_a_run_at_a_terminal_shows_a_live_table_and_a_summary(notebook: Notebook) -> None:
    path = notebook(
        ("step:load", "x = 2"),
        ("pipeline-metrics", "print(x)"),
    )
    terminal = pexpect.spawn(COMMAND[0], [*COMMAND[1:], "run", str(path)], dimensions=(24, 100))
    terminal.expect("running")
    terminal.expect(r"succeeded\S* in")  # colours end in between
    terminal.expect("ithaca://local/runs/")
    terminal.expect("x = 2")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
