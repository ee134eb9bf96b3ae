"""`ithaca check`, `ithaca compile` and `ithaca schema`: what a notebook means, unrun."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ithaca.cli.output import print_json, write_output
from ithaca.cli.remotes import flags, remote_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.diagnostics import Diagnostic
    from ithaca.model.workflow import Workflow

WRONG = 3
"""Exit code for a notebook that is wrong."""


@click.command()
@click.argument("notebook", type=click.Path(readable=False), metavar="NB")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="How to print what is found.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--strict", is_flag=True, help="A warning counts as an error.")
def check(notebook: str, form: Any, as_json: bool, strict: bool) -> int:
    """Find everything that is wrong with the notebook NB, each with its cell and line.

    Exit codes: 0 nothing, 3 the notebook is wrong.
    """
    from ithaca.cli.diagnostics_report import render
    from ithaca.runs import check as check_notebook

    checked = check_notebook(notebook)
    found = [*checked.diagnostics, *_credentials(checked.workflow, notebook)]
    text = render(
        found,
        "json" if as_json else form,
        notebook=notebook,
        color=sys.stdout.isatty(),
        width=shutil.get_terminal_size().columns,
    )
    click.echo(text, nl=False)
    bad = {"error", "warning"} if strict else {"error"}
    return WRONG if any(each.severity in bad for each in found) else 0


def _credentials(workflow: Workflow | None, notebook: str) -> list[Diagnostic]:
    """Files of credentials that the code names: `run` would refuse it."""
    if workflow is None:
        return []
    from msgspec.structs import replace

    from ithaca.notebook.root import project_root
    from ithaca.runs.secrets import named_credentials

    found = named_credentials(workflow, project_root(notebook))
    return [replace(each, notebook=each.notebook or notebook) for each in found]


@click.command("compile")
@click.argument("notebook", type=click.Path(readable=False), metavar="NB")
@click.option("--backend", default="ir", metavar="NAME", help="`ir` (default) prints JSON.")
@click.option("-o", "--output", type=click.Path(dir_okay=False), default="-", help="File or `-`.")
@click.option("--output-dir", type=click.Path(file_okay=False), help="Folder for one file each.")
@click.option("--push", is_flag=True, help="Send what the manifests name to their store.")
@click.option("--environment", metavar="WHAT", help="`image`, `lock`, `lock:FILE` or `capture`.")
@remote_options("The store that the manifests name.")
def compile_(
    notebook: str,
    backend: str,
    output: str,
    output_dir: str | None,
    push: bool,
    environment: str | None,
) -> None:
    """Print the workflow of the notebook NB: the same bytes every time and everywhere."""
    from ithaca.runs import compile as compile_notebook

    workflow = compile_notebook(notebook)
    if backend == "ir":
        if push:
            raise click.UsageError("--push is for a backend's manifests: name it with --backend")
        if output_dir is not None:
            raise click.UsageError("--output-dir is for a backend's manifests: use -o for the JSON")
        write_output(output, workflow.to_json().encode())
        return
    from ithaca.cli.waiting import Waiting
    from ithaca.runs.manifests import files, manifests

    if output_dir is not None:
        # Now, since an empty folder is part of the source, the first time and the next.
        Path(output_dir).mkdir(parents=True, exist_ok=True)
    with Waiting() as progress:
        text = manifests(
            workflow,
            backend,
            flags={"environment": environment, **flags()},
            push=push,
            output=None if output == "-" else Path(output),
            folder=None if output_dir is None else Path(output_dir),
            progress=progress,
        )
    if output_dir is None:
        write_output(output, text.encode())
        return
    for name, document in files(text).items():
        write_output(str(Path(output_dir) / name), document.encode())
        click.echo(str(Path(output_dir) / name))


@click.command()
def schema() -> None:
    """Print the JSON Schema of a workflow."""
    from ithaca.compiling.load import schema as workflow_schema

    print_json(workflow_schema())


def show(diagnostics: Sequence[Diagnostic]) -> None:
    """Write diagnostics for people to stderr."""
    from ithaca.cli.diagnostics_report import render

    text = render(diagnostics, color=sys.stderr.isatty(), width=shutil.get_terminal_size().columns)
    click.echo(text, nl=False, err=True)
