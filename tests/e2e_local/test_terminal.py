"""`ithaca run` at a real terminal, in pipes, and under Ctrl-C."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest
from projects import Notebook

import warm_program
from ithaca.runs import open_run

pytestmark = pytest.mark.slow

COMMAND = (sys.executable, "-P", "-m", "ithaca")

SLOW = ("step:a", "import time\nfor i in range(6000):\n    print(i, flush=True); time.sleep(0.1)")
"""A step that runs for ten minutes."""


@contextmanager
def terminal(*arguments: str) -> Iterator[pexpect.spawn[str]]:
    """A command in its own terminal."""
    child = pexpect.spawn(
        COMMAND[0],
        [*COMMAND[1:], *arguments],
        encoding="utf-8",
        dimensions=(30, 120),
        timeout=None,
    )
    try:
        yield child
    finally:
        child.close(force=True)


def remaining_output(child: pexpect.spawn[str]) -> str:
    """The rest of the output of a command; fails if it shows a traceback."""
    child.expect(pexpect.EOF)
    child.close()
    output = str(child.before)
    assert "Traceback" not in output, output
    assert "ITH999" not in output, output
    return output


def shell(command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell command, in which `ITHACA` stands for the program."""
    program = f"{sys.executable} -P -m ithaca"
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command.replace("ITHACA", program)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def ithaca(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without a terminal."""
    return warm_program.call(*words, folder=Path.cwd(), env=os.environ)


def notices(output: str) -> list[str]:
    """The lines of stderr, without the progress lines of a slow machine."""
    return [line for line in output.splitlines() if not line.endswith("…")]


def test_ctrl_c_ends_the_table_and_cancels_the_run(notebook: Notebook) -> None:
    notebook(SLOW)
    with terminal("run", "nb.ipynb") as child:
        child.expect("1 of 1")
        child.sendintr()
        child.expect("cancelling")
        output = remaining_output(child)
        assert "cancelled" in output
        assert "cancelled by" not in output
        assert "\x1b[?25l" not in output  # the cursor is visible again
        assert child.exitstatus == 130
    assert open_run().status == "cancelled"


def test_repeated_ctrl_c_shows_no_traceback_and_cancels_the_run(
    notebook: Notebook,
) -> None:
    notebook(SLOW)
    with terminal("run", "nb.ipynb") as child:
        child.expect("running")
        for _ in range(4):
            child.sendintr()
        remaining_output(child)
        assert child.exitstatus == 130
    assert open_run().wait().status == "cancelled"


def test_a_second_ctrl_c_exits_at_once(notebook: Notebook) -> None:
    stubborn = "import time, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    notebook(("step:a", f"{stubborn}signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLOW[1]))
    with terminal("run", "nb.ipynb") as child:
        child.expect("1 of 1")
        child.sendintr()
        child.expect("cancelling")
        child.sendintr()
        remaining_output(child)
        assert child.exitstatus == 130
    assert open_run().wait().status == "cancelled"


def test_a_narrow_terminal_shows_commands_unbroken_and_the_comment_of_a_rejection(
    notebook: Notebook,
) -> None:
    notebook(("step:deploy_to_the_customers approval:Really?", "print(1)"))
    with terminal("run", "nb.ipynb") as child:
        child.setwinsize(30, 82)
        child.expect(r"runs approve (\w{26})/deploy_to_the_customers\r\n")
        place = f"{child.match[1]}/deploy_to_the_customers"
        assert ithaca("runs", "reject", place, "--comment", "too early").returncode == 0
        output = remaining_output(child)
    assert child.exitstatus == 1
    assert "rejected `Really?`: too early" in output
    assert "executed notebook" not in output
    assert "after editing the notebook or files: ithaca run nb.ipynb [same options]" in output
    assert "rejected by" in ithaca("runs", "show", place).stdout


def test_a_retry_lists_the_changed_files_that_it_ignores(notebook: Notebook, project: Path) -> None:
    (project / "data.txt").write_text("1")
    (project / "touched.txt").write_text("1")
    notebook(("step:a", "1 / 0"))
    assert ithaca("run", "nb.ipynb").returncode == 1
    (project / "touched.txt").touch()
    done = ithaca("runs", "retry", "latest")
    assert (done.returncode, notices(done.stderr)) == (1, [])
    (project / "data.txt").write_text("2")
    notebook(("step:a", "print(1)"))
    done = ithaca("runs", "retry", "latest")
    assert done.returncode == 1
    assert "notice: nb.ipynb, data.txt changed since the run was submitted" in done.stderr


def test_a_run_prints_the_warnings_of_check_before_it_starts(notebook: Notebook) -> None:
    notebook(("step:a", "exec('x = 1')"))
    done = ithaca("run", "--json", "nb.ipynb")
    assert done.returncode == 0
    assert "ITH210" in done.stderr
    assert done.stderr.index("ITH210") < done.stderr.index("run 0")
    assert json.loads(done.stdout)["status"] == "succeeded"


def test_ctrl_c_stops_following_a_log_but_not_the_run(notebook: Notebook) -> None:
    notebook(SLOW)
    assert ithaca("run", "--detach", "nb.ipynb").returncode == 0
    with terminal("runs", "logs", "-f", "latest") as child:
        child.expect("--- cell 1")
        child.sendintr()
        remaining_output(child)
        assert child.exitstatus == 130
    run = open_run()
    assert run.status == "running"
    with terminal("runs", "logs", "-f", "latest") as child:
        child.expect("--- cell 1")
        run.cancel()
        remaining_output(child)
        assert child.exitstatus == 0


def test_a_closed_pipe_does_not_change_the_run_or_its_exit_code(notebook: Notebook) -> None:
    notebook(("step:a", "print(1)"), ("step:b prev:a", "print(2)"))
    done = shell("ITHACA run nb.ipynb | head -1")
    assert (done.returncode, notices(done.stderr)) == (0, [])
    assert done.stdout == f"run {open_run().id}\n"
    assert open_run().status == "succeeded"
    done = shell("ITHACA runs list | true")
    assert (done.returncode, notices(done.stderr)) == (0, [])
    notebook(("step:a", "1 / 0"))
    done = shell("ITHACA run nb.ipynb | head -1")
    assert done.returncode == 1
    assert [line for line in notices(done.stderr) if not line.startswith("notice: ")] == []


def test_json_prints_one_object_to_stdout_even_if_the_run_fails(
    notebook: Notebook, project: Path
) -> None:
    notebook(("step:a", "print(1)"), ("step:b prev:a", "1 / 0"))
    done = ithaca("run", "--json", "nb.ipynb")
    found = json.loads(done.stdout)
    assert (done.returncode, found["status"]) == (1, "failed")
    assert [step["status"] for step in found["steps"]] == ["succeeded", "failed"]
    assert found["steps"][1]["error"]["line"] == 1
    assert "b: failed" in done.stderr
    done = ithaca("run", "--json", "nb.ipynb", "-p", "nothing=1")
    assert (done.returncode, done.stdout) == (2, "")
    notebook(("step:a", "print(1"))
    done = ithaca("run", "--json", "nb.ipynb")
    assert (done.returncode, done.stdout) == (3, "")
    assert "ITH201" in done.stderr


def test_json_at_a_terminal_shows_the_table_on_stderr_only(notebook: Notebook) -> None:
    notebook(("step:a", "print(1)"))
    program = f"{' '.join(COMMAND)} run --json nb.ipynb > out.json"
    child = pexpect.spawn("/bin/sh", ["-c", program], encoding="utf-8", timeout=None)
    assert "succeeded" in remaining_output(child)
    assert child.exitstatus == 0
    assert json.loads(Path("out.json").read_text())["status"] == "succeeded"
