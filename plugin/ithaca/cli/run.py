"""`ithaca run`: run a notebook's workflow and watch it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ithaca.cli.output import as_json
from ithaca.cli.remotes import flags, remote_options
from ithaca.errors import UsageError

if TYPE_CHECKING:
    from ithaca.model.workflow import Workflow

wait_or_detach = click.option(
    "--wait/--detach",
    "wait",
    default=True,
    help="Wait for the end (default), or print the run's id and leave it to itself.",
)


@click.command()
@click.argument("notebook", type=click.Path(readable=False), metavar="NB")
@click.option("--backend", metavar="NAME", help="What runs it; `local` by default.")
@click.option(
    "-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="Set a parameter."
)
@click.option(
    "--python", metavar="PATH", help="Interpreter of the kernels, when not the notebook's kernel."
)
@click.option(
    "--environment",
    metavar="WHAT",
    help="What steps import: `image`, `lock`, `lock:FILE` or `capture`.",
)
@click.option(
    "--parallel", type=click.IntRange(min=1), metavar="N", help="Steps at once; default: the cores."
)
@remote_options("Remote that a run on a cluster is kept on.")
@click.option(
    "--junit",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write a JUnit report there: a test case a step.",
)
@click.option("--no-reuse", is_flag=True, help="Run every step even when its result is known.")
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

    Each step runs in a folder restored from a snapshot; a step whose result is known is reused.
    The run belongs to a process of its own, so it goes on when this terminal closes. Ctrl-C
    cancels it.

    Exit codes: 0 succeeded, 1 failed, 2 usage, 3 the notebook is wrong, 130 cancelled.
    """
    from ithaca.cli.live import follow
    from ithaca.cli.waiting import Waiting
    from ithaca.runs.submission import submit

    workflow = _checked(notebook)
    if junit is not None:
        _refuse_no_report(junit, wait=wait)
    with Waiting() as progress:
        found = submit(
            workflow,
            parameters,
            flags={
                "backend": backend,
                "python": python,
                "environment": environment,
                "parallel": parallel,
                **flags(),
            },
            reuse=not no_reuse,
            progress=progress,
        )
    code = follow(found, wait=wait, as_json=as_json)
    if junit is not None:
        Path(junit).write_text(found.junit(), encoding="utf-8")
    return code


def _refuse_no_report(path: str, *, wait: bool) -> None:
    """Say before the run that there will be no report, not after it."""
    if not wait:
        raise click.UsageError("--junit needs the run's end, and --detach does not wait for it")
    there = Path(path).exists()
    try:
        Path(path).open("ab").close()
        if not there:
            Path(path).unlink()  # a run that cannot start leaves no empty report
    except OSError as error:
        raise UsageError(
            "ITH917",
            f"the report cannot be written: {error.strerror}",
            where=path,
            cure="name a file in a folder that is there",
        ) from None


def _checked(notebook: str) -> Workflow:
    """The notebook's workflow; what may go wrong with it is said before anything runs."""
    from ithaca.cli.notebooks import show
    from ithaca.errors import NotebookError
    from ithaca.runs import check
    from ithaca.runs.roots import remember_root

    checked = check(notebook)
    if checked.workflow is None:
        raise NotebookError(checked.diagnostics)
    warnings = [each for each in checked.diagnostics if each.severity == "warning"]
    if warnings:
        show(warnings)
    remember_root(checked.workflow, Path(notebook))
    return checked.workflow
