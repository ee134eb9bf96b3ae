"""`ithaca store`: which remote stores are trusted."""

from __future__ import annotations

import click

from ithaca.cli.options import as_json
from ithaca.cli.output import print_json
from ithaca.runs import trust as list_of


@click.group()
def store() -> None:
    """Manage the remote stores that you trust.

    A remote store that only a project's files name is not read until you trust it: anyone who can
    write to it can run code as you.
    """


@store.command()
@click.argument("url")
@click.option("--forget", is_flag=True, help="Stop trusting URL.")
def trust(url: str, forget: bool) -> None:
    """Trust a remote store in all your projects.

    This includes every store below URL.
    """
    if forget:
        list_of.forget(url)
        click.echo(f"{url} is no longer trusted")
        return
    list_of.trust(url)
    click.echo(f"{url} is trusted: anyone who can write to it, or below it, can run code as you")
    click.echo(f"  → to undo this: `ithaca store trust --forget {url}`", err=True)


@store.command()
@as_json
def trusted(as_json: bool) -> None:
    """List the remote stores that you trust."""
    found = list_of.trusted()
    if as_json:
        print_json({"trusted": found, "file": str(list_of.place())})
        return
    for url in found:
        click.echo(url)
    if not found:
        click.echo("no trusted stores; `ithaca store trust URL` adds one", err=True)
