"""`ithaca manifests` and `ithaca doctor`: what a backend needs, and whether it has it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from ithaca.cli.options import as_json, flags, output_option, remote_options
from ithaca.cli.output import print_json, write_output
from ithaca.cli.progress import ProgressLine

if TYPE_CHECKING:
    from ithaca.backends.protocol import Check

FAILED = 4
"""Exit code of `doctor` when a check failed."""

MARKS = {
    "ok": ("ok     ", "green"),
    "warning": ("warning", "yellow"),
    "unknown": ("unknown", "cyan"),
    "failed": ("failed ", "red"),
}

namespace_option = click.option(
    "--namespace",
    metavar="NAME",
    show_default="the `namespace` setting, or the kubeconfig's",
    help="Kubernetes namespace for runs.",
)


@click.command()
@click.argument("backend")
@output_option
@namespace_option
@click.option(
    "--claim-size",
    default="10Gi",
    show_default=True,
    metavar="SIZE",
    help="Size of the volume claim that holds the store, as a Kubernetes quantity.",
)
@click.option(
    "--claim-mode",
    type=click.Choice(["ReadWriteMany", "ReadWriteOnce"]),
    default="ReadWriteMany",
    show_default=True,
    help="Access mode of that claim; ReadWriteOnce works on one node only.",
)
@click.option(
    "--secret-from-env",
    is_flag=True,
    help="Also print a Secret with the store credentials of your environment variables.",
)
def manifests(
    backend: str,
    output: str,
    namespace: str | None,
    claim_size: str,
    claim_mode: str,
    secret_from_env: bool,
) -> None:
    """Print the manifests that BACKEND needs in a namespace. Apply them once.

    `ithaca manifests argo | kubectl apply -f -` creates the service accounts, the roles and, if
    the store is on a volume claim, the claim.
    """
    from ithaca.backends.protocol import ManifestOptions
    from ithaca.runs.project import find_project

    environ = dict(os.environ) if secret_from_env else None
    options = ManifestOptions(claim_size=claim_size, claim_mode=claim_mode, environ=environ)
    project = find_project(flags={"namespace": namespace})
    write_output(output, project.backend(backend).manifests(options).encode())


@click.command()
@click.option(
    "--backend",
    metavar="NAME",
    show_default="the `backend` setting, or local",
    help="Backend to check.",
)
@namespace_option
@remote_options("Remote store to check, for runs on a cluster.")
@as_json
def doctor(backend: str | None, namespace: str | None, as_json: bool) -> int:
    """Check that runs can start.

    Each check prints one line; one that fails also prints what to do. To check a cluster, this
    starts a small pod and deletes it afterwards.

    Exit codes: 0 all checks passed, 4 a check failed.
    """
    from ithaca.runs.doctor import examine
    from ithaca.runs.project import find_project

    given = {"backend": backend, "namespace": namespace, **flags()}
    found: list[Check] = []
    checks = examine(find_project(flags=given), lambda what: line(what))
    while True:
        with ProgressLine() as line:
            check = next(checks, None)
        if check is None:
            break
        found.append(check)
        if not as_json:
            _show(check)
    failed = [check for check in found if check.status == "failed"]
    if as_json:
        print_json({"well": not failed, "checks": [check._asdict() for check in found]})
    elif failed:
        click.echo(f"{len(failed)} {'check' if len(failed) == 1 else 'checks'} failed")
    elif any(check.status == "unknown" for check in found):
        click.echo("no check failed, but some could not be made from here")
    else:
        click.echo("all checks passed")
    return FAILED if failed else 0


def _show(check: Check) -> None:
    mark, colour = MARKS[check.status]
    place = f"{check.what}: " if check.what else ""
    click.echo(f"{click.style(mark, fg=colour)} {place}{check.found}")
    if check.cure and check.status != "ok":
        click.echo(f"  → {check.cure}")
