"""`ithaca manifests` and `ithaca doctor`: what a backend needs, and whether it has it."""

from __future__ import annotations

import os

import click

from ithaca.cli.output import write_output


@click.command()
@click.argument("backend")
@click.option("-o", "--output", type=click.Path(dir_okay=False), default="-", help="File or `-`.")
@click.option("--namespace", metavar="NAME", help="Where runs are; default: as it is set.")
@click.option(
    "--claim-size",
    default="10Gi",
    show_default=True,
    metavar="SIZE",
    help="Size of the claim that holds the store.",
)
@click.option(
    "--claim-mode",
    type=click.Choice(["ReadWriteMany", "ReadWriteOnce"]),
    default="ReadWriteMany",
    show_default=True,
    help="Its access mode; ReadWriteOnce is for one node.",
)
@click.option(
    "--secret-from-env",
    is_flag=True,
    help="Print the store's credentials that are set here as a secret, too.",
)
def manifests(
    backend: str,
    output: str,
    namespace: str | None,
    claim_size: str,
    claim_mode: str,
    secret_from_env: bool,
) -> None:
    """Print what BACKEND needs to be installed, once for a namespace.

    `ithaca manifests argo | kubectl apply -f -` makes what pods and the people who submit runs
    need: accounts, roles and the claim of the store, if there is one.
    """
    from ithaca.api.project import find_project
    from ithaca.backends.protocol import Wishes

    environ = dict(os.environ) if secret_from_env else None
    wishes = Wishes(claim_size=claim_size, claim_mode=claim_mode, environ=environ)
    project = find_project(flags={"namespace": namespace})
    write_output(output, project.backend(backend).manifests(wishes).encode())
