"""`ithaca run` at a real terminal, in pipes, and under Ctrl-C."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest
from projects import Notebook

from ithaca.runs import open_run

pytestmark = pytest.mark.slow

COMMAND = (sys.executable, "-P", "-m", "ithaca")

SLOW = ("step:a", "import time\nfor i in range(6000):\n    print(i, flush=True); time.sleep(0.1)")
"""A step that takes ten minutes unless something ends it."""


@contextmanager
def terminal(*arguments: str) -> Iterator[pexpect.spawn[str]]:
    """A command line at a terminal of its own."""
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


def rest(child: pexpect.spawn[str]) -> str:
    """What a command line still says until it ends; never a traceback."""
    child.expect(pexpect.EOF)
    child.close()
    said = str(child.before)
    assert "Traceback" not in said, said
    assert "ITH999" not in said, said
    return said


def piped(command: str) -> subprocess.CompletedProcess[str]:
    """Run a shell's command line; `ITHACA` stands for the program."""
    program = f"{sys.executable} -P -m ithaca"
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command.replace("ITHACA", program)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def notices(said: str) -> list[str]:
    """The lines of stderr, without those that a slow machine prints of work that takes its time."""
    return [line for line in said.splitlines() if not line.endswith("…")]


def test_ctrl_c_ends_the_table_and_cancels_the_run(notebook: Notebook) -> None:
    notebook(SLOW)
    with terminal("run", "nb.ipynb") as child:
        child.expect("1 of 1")
        child.sendintr()
        child.expect("cancelling")
        said = rest(child)
        assert "cancelled" in said
        assert "cancelled by" not in said
        assert "\x1b[?25l" not in said  # the cursor is back, and stays
        assert child.exitstatus == 130
    assert open_run().status == "cancelled"


def test_no_number_of_ctrl_c_makes_a_traceback_or_leaves_the_run_running(
    notebook: Notebook,
) -> None:
    notebook(SLOW)
    with terminal("run", "nb.ipynb") as child:
        child.expect("running")
        for _ in range(4):
            child.sendintr()
        rest(child)
        assert child.exitstatus == 130
    assert open_run().wait().status == "cancelled"


def test_ctrl_c_while_it_is_being_cancelled_leaves_at_once(notebook: Notebook) -> None:
    stubborn = "import time, signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    notebook(("step:a", f"{stubborn}signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLOW[1]))
    with terminal("run", "nb.ipynb") as child:
        child.expect("1 of 1")
        child.sendintr()
        child.expect("cancelling")
        child.sendintr()
        rest(child)
        assert child.exitstatus == 130
    assert open_run().wait().status == "cancelled"


def test_a_command_at_a_narrow_terminal_is_in_one_piece_and_the_refusal_has_its_comment(
    notebook: Notebook,
) -> None:
    notebook(("step:deploy_to_the_customers approval:Really?", "print(1)"))
    with terminal("run", "nb.ipynb") as child:
        child.setwinsize(30, 82)
        child.expect(r"runs approve (\w{26})/deploy_to_the_customers\r\n")
        place = f"{child.match[1]}/deploy_to_the_customers"
        assert piped(f"ITHACA runs reject {place} --comment 'too early'").returncode == 0
        said = rest(child)
    assert child.exitstatus == 1
    assert "rejected `Really?`: too early" in said
    assert "executed notebook" not in said
    assert "after editing the notebook or files: ithaca run nb.ipynb [same options]" in said
    assert "rejected by" in piped(f"ITHACA runs show {place}").stdout


def test_a_retry_says_that_it_does_not_see_what_changed(notebook: Notebook, project: Path) -> None:
    (project / "data.txt").write_text("1")
    (project / "touched.txt").write_text("1")
    notebook(("step:a", "1 / 0"))
    assert piped("ITHACA run nb.ipynb").returncode == 1
    (project / "touched.txt").touch()
    done = piped("ITHACA runs retry latest")
    assert (done.returncode, notices(done.stderr)) == (1, [])
    (project / "data.txt").write_text("2")
    notebook(("step:a", "print(1)"))
    done = piped("ITHACA runs retry latest")
    assert done.returncode == 1
    assert "notice: nb.ipynb, data.txt changed since the run was submitted" in done.stderr


def test_a_run_says_the_warnings_of_check_before_it_starts(notebook: Notebook) -> None:
    notebook(("step:a", "exec('x = 1')"))
    done = piped("ITHACA run --json nb.ipynb")
    assert done.returncode == 0
    assert "ITH210" in done.stderr
    assert done.stderr.index("ITH210") < done.stderr.index("run 0")
    assert json.loads(done.stdout)["status"] == "succeeded"


def test_ctrl_c_ends_following_a_log_and_not_the_run(notebook: Notebook) -> None:
    notebook(SLOW)
    assert piped("ITHACA run --detach nb.ipynb").returncode == 0
    with terminal("runs", "logs", "-f", "latest") as child:
        child.expect("--- cell 1")
        child.sendintr()
        rest(child)
        assert child.exitstatus == 130
    run = open_run()
    assert run.status == "running"
    with terminal("runs", "logs", "-f", "latest") as child:
        child.expect("--- cell 1")
        run.cancel()
        rest(child)
        assert child.exitstatus == 0


def test_a_reader_that_has_had_enough_changes_nothing(notebook: Notebook) -> None:
    notebook(("step:a", "print(1)"), ("step:b prev:a", "print(2)"))
    done = piped("ITHACA run nb.ipynb | head -1")
    assert (done.returncode, notices(done.stderr)) == (0, [])
    assert done.stdout == f"run {open_run().id}\n"
    assert open_run().status == "succeeded"
    done = piped("ITHACA runs list | true")
    assert (done.returncode, notices(done.stderr)) == (0, [])
    notebook(("step:a", "1 / 0"))
    done = piped("ITHACA run nb.ipynb | head -1")
    assert done.returncode == 1
    assert [line for line in notices(done.stderr) if not line.startswith("notice: ")] == []


def test_json_is_one_object_on_stdout_also_when_the_run_fails(
    notebook: Notebook, project: Path
) -> None:
    notebook(("step:a", "print(1)"), ("step:b prev:a", "1 / 0"))
    done = piped("ITHACA run --json nb.ipynb")
    found = json.loads(done.stdout)
    assert (done.returncode, found["status"]) == (1, "failed")
    assert [step["status"] for step in found["steps"]] == ["succeeded", "failed"]
    assert found["steps"][1]["error"]["line"] == 1
    assert "b: failed" in done.stderr
    done = piped("ITHACA run --json nb.ipynb -p nothing=1")
    assert (done.returncode, done.stdout) == (2, "")
    notebook(("step:a", "print(1"))
    done = piped("ITHACA run --json nb.ipynb")
    assert (done.returncode, done.stdout) == (3, "")
    assert "ITH201" in done.stderr


def test_json_at_a_terminal_shows_the_table_on_stderr_only(notebook: Notebook) -> None:
    notebook(("step:a", "print(1)"))
    program = f"{' '.join(COMMAND)} run --json nb.ipynb > out.json"
    child = pexpect.spawn("/bin/sh", ["-c", program], encoding="utf-8", timeout=None)
    assert "succeeded" in rest(child)
    assert child.exitstatus == 0
    assert json.loads(Path("out.json").read_text())["status"] == "succeeded"
