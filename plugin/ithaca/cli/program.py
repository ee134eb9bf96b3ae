"""The table of commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.errors import IthacaError

COMMANDS = {
    "check": ("notebooks:check", "Find everything that is wrong with a notebook."),
    "compile": ("notebooks:compile_", "Print the workflow of a notebook."),
    "schema": ("notebooks:schema", "Print the JSON Schema of a workflow."),
    "run": ("run:run", "Run a notebook's workflow."),
    "runs": ("runs:runs", "List, show, follow, cancel, retry and answer runs."),
    "snapshots": (
        "snapshots:snapshots",
        "Take, list, show, compare, restore and verify snapshots.",
    ),
    "doctor": ("cluster:doctor", "Look whether runs can be started."),
    "manifests": ("cluster:manifests", "Print what a backend needs to be installed."),
    "store": ("store:store", "Say which remotes of the store you trust."),
    "completion": ("completion:completion", "Print the shell code that completes `ithaca`."),
}
"""Where each command is, and its line in the help, which is shown without importing it."""


class Program(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of the commands, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of that name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        module, attribute = COMMANDS[cmd_name][0].split(":")
        found: click.Command = getattr(import_module(f"ithaca.cli.{module}"), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; one whose output nobody wants to read any more has done its work."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            nobody_reads()
            return 0

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the program; a command returns its exit code, None is 0."""
        try:
            code = super().main(
                args,
                prog_name or "ithaca",
                complete_var,
                standalone_mode=False,
                windows_expand_args=windows_expand_args,
                **extra,
            )
        except BaseException as error:
            if not standalone_mode:
                raise
            code = exit_code(error)
        if standalone_mode:
            _leave(code or 0)
        return code


def nobody_reads() -> None:
    """Let what we still print go nowhere: whoever read it has had enough, as in `| head -1`."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def exit_code(error: BaseException) -> int:
    """Say what went wrong and give the exit code that belongs to it."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return 130
    if isinstance(error, click.ClickException):
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            error.show()
        else:
            from ithaca.cli.usage import usage_error

            _say(usage_error(error))
        return 2
    from ithaca.errors import IthacaError, StoreError

    if isinstance(error, IthacaError):
        _say(error)
        return error.exit_code
    if isinstance(error, OSError):
        # What the system refuses (a full disk, a missing right) is nobody's bug.
        _say(
            StoreError(
                "ITH640",
                error.strerror or str(error),
                cure="check its disk's free space and your rights there; ITHACA_HOME names another "
                "place for everything that Ithaca writes",
                where=str(error.filename or ""),
            )
        )
        return StoreError.exit_code
    _say_bug(error)
    return 1


def _say(error: IthacaError) -> None:
    from ithaca.errors import NotebookError

    if isinstance(error, NotebookError):
        from ithaca.cli.notebooks import show

        show(error.diagnostics)
        return
    place = f"{error.where}: " if error.where else ""
    click.echo(
        f"{click.style(f'error[{error.code}]', fg='red', bold=True)}: {place}{error.message}",
        err=True,
    )
    if error.cure:
        click.echo(f"  → {error.cure}", err=True)


def _say_bug(error: BaseException) -> None:
    """Say that it is our mistake, and keep the traceback in a file."""
    import traceback

    from ulid import ULID

    text = "".join(traceback.format_exception(error))
    try:
        from ithaca.runs.project import find_project

        home = find_project().make_home()
        kept = home / "bugs" / f"{ULID()}.txt"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(text)
        where = f"the traceback is in {kept}"
    except Exception:  # whatever is broken may be broken here too
        where = text
    click.echo(
        f"{click.style('error[ITH999]', fg='red', bold=True)}: this is a bug in Ithaca: "
        f"{type(error).__name__}: {error}\n  → please report it; {where}",
        err=True,
    )


def _leave(code: int) -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        nobody_reads()
    sys.exit(code)


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    click.echo(f"ithaca {version('ithaca')}")
    ctx.exit()


@click.group("ithaca", cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Print the version.",
)
def program() -> None:
    """Run tagged notebooks as workflows whose every moment can be opened again."""
