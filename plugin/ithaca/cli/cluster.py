"""`ithaca manifests` and `ithaca doctor`: what a backend needs, and whether it has it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from ithaca.cli.output import as_json, print_json, write_output
from ithaca.cli.remotes import flags, remote_options
from ithaca.cli.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ithaca.backends.protocol import Check

WRONG = 4
"""Exit code of `doctor` when something is wrong."""

MARKS = {
    "ok": ("ok     ", "green"),
    "warning": ("warning", "yellow"),
    "unknown": ("unknown", "cyan"),
    "failed": ("failed ", "red"),
}


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
    from ithaca.backends.protocol import ManifestOptions
    from ithaca.runs.project import find_project

    environ = dict(os.environ) if secret_from_env else None
    options = ManifestOptions(claim_size=claim_size, claim_mode=claim_mode, environ=environ)
    project = find_project(flags={"namespace": namespace})
    write_output(output, project.backend(backend).manifests(options).encode())


@click.command()
@click.option("--backend", metavar="NAME", help="What runs would be started on.")
@click.option("--namespace", metavar="NAME", help="Where on a cluster; default: as it is set.")
@remote_options("Remote that runs on a cluster are kept on.")
@as_json
def doctor(backend: str | None, namespace: str | None, as_json: bool) -> int:
    """Look whether runs can be started, and say what stands in their way.

    For a cluster this starts a small pod, which says what is seen from there, and deletes it.

    Exit codes: 0 all is well, 4 something is wrong.
    """
    from ithaca.runs.doctor import examine
    from ithaca.runs.project import find_project

    said = {"backend": backend, "namespace": namespace, **flags()}
    found = []
    for check in _one_by_one(lambda tell: examine(find_project(flags=said), tell)):
        found.append(check)
        if not as_json:
            _show(check)
    failed = [check for check in found if check.status == "failed"]
    if as_json:
        print_json({"well": not failed, "checks": [check._asdict() for check in found]})
    elif failed:
        wrong = "1 thing is" if len(failed) == 1 else f"{len(failed)} things are"
        click.echo(f"{wrong} wrong")
    else:
        unseen = any(check.status == "unknown" for check in found)
        click.echo("all is well" + (", as far as it can be seen" if unseen else ""))
    return WRONG if failed else 0


def _one_by_one(
    examine: Callable[[Callable[[str], None]], Iterator[Check]],
) -> Iterator[Check]:
    """Each check as soon as it is known; what takes long is told until then, and then taken away.

    Args:
        examine: Makes the checks, with the function that it tells what it waits for.
    """
    telling: list[Waiting] = []
    checks = examine(lambda what: telling[-1](what))
    while True:
        with Waiting() as tell:
            telling.append(tell)
            check = next(checks, None)
        if check is None:
            return
        yield check


def _show(check: Check) -> None:
    mark, colour = MARKS[check.status]
    place = f"{check.what}: " if check.what else ""
    click.echo(f"{click.style(mark, fg=colour)} {place}{check.found}")
    if check.cure and check.status != "ok":
        click.echo(f"  → {check.cure}")
