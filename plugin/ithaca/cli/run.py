"""`ithaca run`: run a notebook's workflow and watch it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ithaca.cli.output import as_json

if TYPE_CHECKING:
    from ithaca.workflow.model import Workflow

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
    "--parallel", type=click.IntRange(min=1), metavar="N", help="Steps at once; default: the cores."
)
@click.option("--store", metavar="URL", help="Remote that a run on a cluster is kept on.")
@click.option("--no-reuse", is_flag=True, help="Run every step even when its result is known.")
@wait_or_detach
@as_json
def run(
    notebook: str,
    backend: str | None,
    parameters: tuple[str, ...],
    python: str | None,
    parallel: int | None,
    store: str | None,
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
    from ithaca.api.submission import submit
    from ithaca.cli.live import follow
    from ithaca.cli.waiting import Waiting

    workflow = _checked(notebook)
    with Waiting() as progress:
        found = submit(
            workflow,
            parameters,
            flags={
                "backend": backend,
                "python": python,
                "parallel": parallel,
                "store": store,
            },
            reuse=not no_reuse,
            progress=progress,
        )
    return follow(found, wait=wait, as_json=as_json)


def _checked(notebook: str) -> Workflow:
    """The notebook's workflow; what may go wrong with it is said before anything runs."""
    from ithaca.api import check
    from ithaca.api.roots import remember_root
    from ithaca.cli.notebooks import show
    from ithaca.errors import NotebookError

    checked = check(notebook)
    if checked.workflow is None:
        raise NotebookError(checked.diagnostics)
    warnings = [each for each in checked.diagnostics if each.severity == "warning"]
    if warnings:
        show(warnings)
    remember_root(checked.workflow, Path(notebook))
    return checked.workflow
