from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

from ithaca.cli import program as module
from ithaca.cli.program import COMMANDS, exit_code, program
from ithaca.errors import BackendError, Cancelled, UsageError

ITHACA = Callable[..., Result]

HEAVY = (
    "papermill",
    "nbformat",
    "nbclient",
    "IPython",
    "rich",
    "blake3",
    "msgspec",
    "jupyter_client",
    "kubernetes",
    "urllib3",
)


def test_the_help_names_every_command_and_imports_nothing_heavy() -> None:
    code = (
        "import sys; from ithaca.cli.program import program\n"
        "try: program.main(['--help'])\n"
        f"finally: assert not set(sys.modules) & set({HEAVY!r}), set(sys.modules) & set({HEAVY!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


def test_importing_ithaca_loads_nothing_heavy() -> None:
    code = f"import sys, ithaca; assert not set(sys.modules) & set({HEAVY!r})"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_its_own_help(ithaca: ITHACA, name: str) -> None:
    result = ithaca(name, "--help")
    assert result.exit_code == 0
    assert f"Usage: ithaca {name}" in result.stdout


def test_the_version_is_printed(ithaca: ITHACA) -> None:
    assert ithaca("--version").stdout.startswith("ithaca 0.")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_is_printed_for_every_shell(ithaca: ITHACA, shell: str) -> None:
    assert "_ITHACA_COMPLETE" in ithaca("completion", shell).stdout


def test_steps_of_a_run_are_completed_from_the_store(ithaca: ITHACA, recorded: Path) -> None:
    environment = {"COMP_WORDS": "ithaca runs show latest/t", "COMP_CWORD": "3"}
    done = subprocess.run(
        [sys.executable, "-m", "ithaca"],
        capture_output=True,
        text=True,
        cwd=recorded,
        env={"_ITHACA_COMPLETE": "bash_complete", "PATH": "/usr/bin", **environment},
    )
    assert "latest/train" in done.stdout


def test_an_unknown_command_is_exit_2(ithaca: ITHACA) -> None:
    assert ithaca("rum").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("rum", "`ithaca`: no such command 'rum'; did you mean \"run\"?"),
        ("runs lst", "`ithaca runs`: no such command 'lst'; did you mean \"list\"?"),
        (
            "run x --paralel 3",
            "`ithaca run`: no such option '--paralel'; did you mean \"--parallel\"?",
        ),
        ("run x --parallel 0", "`ithaca run`: --parallel must be at least 1 (got 0)"),
        ("run x --parallel two", "--parallel must be a whole number (got 'two')"),
        ("check x --format jsn", "'sarif'; did you mean \"json\"?"),
        ("check", "`ithaca check`: missing argument 'NB'"),
    ],
)
def test_a_wrong_command_line_prints_one_message_with_a_code(
    ithaca: ITHACA, arguments: str, message: str
) -> None:
    result = ithaca(*arguments.split())
    first, cure = result.stderr.splitlines()
    assert (result.exit_code, result.stdout) == (2, "")
    assert first.startswith("error[ITH900]: ")
    assert message in first
    assert cure.startswith("  → see `ithaca")
    assert cure.endswith(" --help`")


def test_a_group_without_a_command_shows_its_help(ithaca: ITHACA) -> None:
    result = ithaca("runs")
    assert result.exit_code == 2
    assert "Usage: ithaca runs" in result.output
    assert "ITH900" not in result.output


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("ITH901", "wrong"), 2),
        (BackendError("ITH610", "gone"), 4),
        (Cancelled("ITH630", "cancelled"), 130),
        (KeyboardInterrupt(), 130),
        (click.UsageError("wrong"), 2),
    ],
)
def test_every_kind_of_error_has_its_exit_code(error: BaseException, code: int) -> None:
    assert exit_code(error) == code


def test_the_traceback_of_a_bug_is_written_to_a_file(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    assert exit_code(ZeroDivisionError("oh")) == 1
    printed = capsys.readouterr().err
    assert "this is a bug in Ithaca" in printed
    assert "Traceback" not in printed
    (kept,) = (project / ".ithaca" / "bugs").iterdir()
    assert "ZeroDivisionError: oh" in kept.read_text()


def test_the_table_of_commands_is_what_the_program_lists() -> None:
    context = click.Context(program)
    assert program.list_commands(context) == list(module.COMMANDS)
    assert program.get_command(context, "rum") is None
