"""`ithaca check`, `ithaca compile` and `ithaca schema`: read a notebook without running it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ithaca.cli.diagnostics import FORMATS, render
from ithaca.cli.options import environment_option, flags, output_option, remote_options
from ithaca.cli.output import print_json, write_output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.diagnostics import Diagnostic
    from ithaca.model.workflow import Workflow

WRONG = 3
"""Exit code for a notebook with errors."""


@click.command()
@click.argument("notebook", type=click.Path(readable=False), metavar="NB")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="Output format: `github` annotates a pull request, `sarif` is for code scanning.",
)
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
def check(notebook: str, form: Any, as_json: bool, strict: bool) -> int:
    """Report every problem in the notebook NB, with its cell and line.

    Exit codes: 0 no errors, 3 the notebook has errors.
    """
    from ithaca.runs import check as check_notebook

    checked = check_notebook(notebook)
    found = [*checked.diagnostics, *_credentials(checked.workflow, notebook)]
    text = render(found, "json" if as_json else form, notebook=notebook, color=sys.stdout.isatty())
    click.echo(text, nl=False)
    bad = {"error", "warning"} if strict else {"error"}
    return WRONG if any(each.severity in bad for each in found) else 0


def _credentials(workflow: Workflow | None, notebook: str) -> list[Diagnostic]:
    """Errors for credential files that the code names, which `run` refuses too."""
    if workflow is None:
        return []
    from msgspec.structs import replace

    from ithaca.notebook.root import project_root
    from ithaca.runs.secrets import named_credentials

    found = named_credentials(workflow, project_root(notebook))
    return [replace(each, notebook=each.notebook or notebook) for each in found]


@click.command("compile")
@click.argument("notebook", type=click.Path(readable=False), metavar="NB")
@click.option(
    "--backend",
    default="ir",
    show_default=True,
    metavar="NAME",
    help="Backend whose manifests to print; `ir` prints the workflow as JSON.",
)
@output_option
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Write each manifest to its own file in the folder DIR, and print the files' names.",
)
@click.option(
    "--push",
    is_flag=True,
    help="Send the workflow, the notebook and the project's files to the store, so that the "
    "manifests can run.",
)
@environment_option
@remote_options("Remote store that the manifests use.")
def compile_(
    notebook: str,
    backend: str,
    output: str,
    output_dir: str | None,
    push: bool,
    environment: str | None,
) -> None:
    """Print the workflow of the notebook NB as JSON, or a backend's manifests for it.

    The same notebook gives the same bytes on every machine.
    """
    from ithaca.runs import compile as compile_notebook

    workflow = compile_notebook(notebook)
    if backend == "ir":
        if push:
            raise click.UsageError("--push works with manifests only; add --backend NAME")
        if output_dir is not None:
            raise click.UsageError("--output-dir works with manifests only; use -o for JSON")
        write_output(output, workflow.to_json().encode())
        return
    from ithaca.cli.progress import ProgressLine
    from ithaca.runs.manifests import manifests

    if output_dir is not None:
        # Create it first: an empty folder is part of the source, so the digest stays the same.
        Path(output_dir).mkdir(parents=True, exist_ok=True)
    with ProgressLine() as progress:
        found = manifests(
            workflow,
            backend,
            flags={"environment": environment, **flags()},
            push=push,
            output=None if output == "-" else Path(output),
            folder=None if output_dir is None else Path(output_dir),
            progress=progress,
        )
    if output_dir is None:
        write_output(output, "".join(each.text for each in found).encode())
        return
    for name, text in found:
        write_output(str(Path(output_dir) / name), text.encode())
        click.echo(str(Path(output_dir) / name))


@click.command()
def schema() -> None:
    """Print the JSON Schema of workflows, as `ithaca compile` prints them."""
    from ithaca.compiling.load import schema as workflow_schema

    print_json(workflow_schema())


def show(diagnostics: Sequence[Diagnostic]) -> None:
    """Print diagnostics to stderr."""
    click.echo(render(diagnostics, color=sys.stderr.isatty()), nl=False, err=True)
