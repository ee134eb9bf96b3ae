"""The table of commands, and the place where errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ithaca.errors import IthacaError

COMMANDS = {
    "check": ("notebooks:check", "Report every problem in a notebook."),
    "compile": (
        "notebooks:compile_",
        "Print a notebook's workflow, or a backend's manifests for it.",
    ),
    "schema": ("notebooks:schema", "Print the JSON Schema of workflows."),
    "run": ("run:run", "Run a notebook's workflow."),
    "tune": ("tune:tune", "Search a notebook's parameters, with one run for each trial."),
    "runs": ("runs:runs", "List, show, cancel, retry and approve runs."),
    "studies": ("studies:studies", "List, show, stop and export studies."),
    "snapshots": (
        "snapshots:snapshots",
        "Take, list, show, compare, restore and verify snapshots.",
    ),
    "doctor": ("cluster:doctor", "Check that runs can start."),
    "manifests": ("cluster:manifests", "Print the manifests that a backend needs in its cluster."),
    "store": ("store:store", "Manage the remote stores that you trust."),
    "completion": ("program:completion", "Print the shell completion script."),
}
"""Where each command is, and its line in the help, so that the help imports no command."""


class Program(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Names of the commands, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command; None if there is no such command."""
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        module, attribute = COMMANDS[cmd_name][0].split(":")
        found: click.Command = getattr(import_module(f"ithaca.cli.{module}"), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the table's commands and their lines."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; it succeeds if the reader of its output closes the pipe."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            discard_stdout()
            return 0

    def main(self, *args: Any, **options: Any) -> Any:
        """Run the program; commands return their exit code or None for 0."""
        standalone = options.pop("standalone_mode", True)
        options.update(prog_name=options.get("prog_name") or "ithaca", standalone_mode=False)
        try:
            code = super().main(*args, **options)
        except BaseException as error:
            if not standalone:
                raise
            code = exit_code(error)
        if standalone:
            _leave(code or 0)
        return code


def exit_code(error: BaseException) -> int:
    """Print the message of an error and return its exit code."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return 130
    if isinstance(error, click.ClickException):
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            error.show()
        else:
            from ithaca.cli.usage import usage_error

            _print_error(usage_error(error))
        return 2
    from ithaca.errors import IthacaError, StoreError

    if isinstance(error, OSError):
        # A full disk or a missing permission is no bug.
        cure = "check the free disk space and your permissions there, or set ITHACA_HOME to "
        cure += "another folder"
        message, place = error.strerror or str(error), str(error.filename or "")
        error = StoreError("ITH640", message, cure=cure, where=place)
    if not isinstance(error, IthacaError):
        message = f"this is a bug in Ithaca: {type(error).__name__}: {error}"
        cure = f"please report it; {_keep_traceback(error)}"
        error = IthacaError("ITH999", message, cure=cure)
    _print_error(error)
    return error.exit_code


def _print_error(error: IthacaError) -> None:
    from ithaca.errors import NotebookError

    if isinstance(error, NotebookError):
        from ithaca.cli.notebooks import show

        show(error.diagnostics)
        return
    from ithaca.cli.output import print_error

    place = f"{error.where}: " if error.where else ""
    print_error(error.code, place + error.message, error.cure, err=True)


def _keep_traceback(error: BaseException) -> str:
    """Write the traceback of a bug to a file, and say where it is."""
    import traceback

    from ulid import ULID

    text = "".join(traceback.format_exception(error))
    try:
        from ithaca.runs.project import find_project

        home = find_project().make_home()
        kept = home / "bugs" / f"{ULID()}.txt"
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(text)
        return f"the traceback is in {kept}"
    except Exception:  # the bug may be in what writes the file
        return text


def _leave(code: int) -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        discard_stdout()
    sys.exit(code)


def discard_stdout() -> None:
    """Discard what is printed from now on, after the reader closed the pipe (`| head -1`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.group("ithaca", cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    package_name="ithaca",
    prog_name="ithaca",
    message="%(prog)s %(version)s",
    help="Print the version and exit.",
)
def program() -> None:
    """Run tagged notebooks as workflows with reproducible, reusable steps.

    Settings come from [tool.ithaca] in pyproject.toml, then from ITHACA_* environment variables,
    then from options; the last one wins.
    """


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes `ithaca` in SHELL.

    \b
    bash:  ithaca completion bash >> ~/.bashrc
    zsh:   ithaca completion zsh  >> ~/.zshrc
    fish:  ithaca completion fish > ~/.config/fish/completions/ithaca.fish
    """  # noqa: D301 - click keeps the lines after \b
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(program, {}, "ithaca", "_ITHACA_COMPLETE").source())
