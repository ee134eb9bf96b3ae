"""`ithaca run`: run a notebook's workflow and watch it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ithaca.cli.options import (
    as_json,
    backend_option,
    environment_option,
    flags,
    python_option,
    remote_options,
    wait_or_detach,
)
from ithaca.errors import UsageError

if TYPE_CHECKING:
    from ithaca.runs import Workflow


@click.command()
@click.argument("notebook", type=click.Path(readable=False), metavar="NB")
@backend_option
@click.option(
    "-p",
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    show_default="the notebook's values",
    help="Set a parameter of the notebook; can be repeated.",
)
@python_option
@environment_option
@click.option(
    "--parallel",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="the `parallel` setting, or the number of cores",
    help="Run at most N steps at the same time.",
)
@remote_options("Remote store for runs on a cluster.")
@click.option(
    "--junit",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write a JUnit XML report with one test case per step to FILE.",
)
@click.option("--no-reuse", is_flag=True, help="Run every step, even if its result is known.")
@wait_or_detach
@as_json
def run(
    notebook: str,
    backend: str | None,
    parameters: tuple[str, ...],
    python: str | None,
    environment: str | None,
    parallel: int | None,
    junit: str | None,
    no_reuse: bool,
    wait: bool,
    as_json: bool,
) -> int:
    """Run the workflow of the notebook NB.

    Each step runs in a folder that is restored from a snapshot. A step whose result is known is
    reused instead of run. The run continues when you close the terminal; Ctrl-C cancels it.

    Exit codes: 0 succeeded, 1 failed, 2 wrong usage, 3 the notebook has errors, 4 the backend or
    the store cannot be used, 130 cancelled.
    """
    from ithaca.cli.live import follow
    from ithaca.cli.progress import ProgressLine
    from ithaca.runs.launch import check_arguments
    from ithaca.runs.preparing import prepare

    workflow = compiled(notebook)
    if junit is not None:
        _check_report(junit, wait=wait)
    arguments = check_arguments(workflow.ir, parameters)
    with ProgressLine() as progress:
        prepared = prepare(
            workflow,
            backend=backend,
            python=python,
            environment=environment,
            parallel=parallel,
            progress=progress,
            **flags(),
        )
        found = prepared.launch(arguments, reuse=not no_reuse, explain=True)
    code = follow(found, wait=wait, as_json=as_json)
    if junit is not None:
        Path(junit).write_text(found.junit(), encoding="utf-8")
    return code


def _check_report(path: str, *, wait: bool) -> None:
    """Refuse a report that cannot be written, before the run starts."""
    if not wait:
        raise click.UsageError("--junit cannot be used with --detach: it needs the run's end")
    there = Path(path).exists()
    try:
        Path(path).open("ab").close()
        if not there:
            Path(path).unlink()  # a run that cannot start leaves no empty report
    except OSError as error:
        raise UsageError(
            "ITH917",
            f"cannot write the report: {error.strerror}",
            where=path,
            cure="name a file in an existing folder",
        ) from None


def compiled(notebook: str) -> Workflow:
    """Compile the notebook and print its warnings."""
    from ithaca.cli.notebooks import show
    from ithaca.errors import NotebookError
    from ithaca.runs import check
    from ithaca.runs.workflow import located

    checked = check(notebook)
    if checked.workflow is None:
        raise NotebookError(checked.diagnostics)
    warnings = [each for each in checked.diagnostics if each.severity == "warning"]
    if warnings:
        show(warnings)
    return located(checked.workflow, Path(notebook))
