"""`ithaca store`: which remotes of the store are trusted."""

from __future__ import annotations

import click

from ithaca.cli.output import as_json, print_json


@click.group()
def store() -> None:
    """Say which remotes of the store you trust.

    A remote that only files of a project name is not read before you trust it: who writes there
    can run code as everybody who reads it.
    """


@store.command()
@click.argument("url")
@click.option("--forget", is_flag=True, help="Trust it no longer.")
def trust(url: str, forget: bool) -> None:
    """Trust the remote URL and all that lies below it, in every project of yours."""
    from ithaca.runs import trust as list_of

    if forget:
        list_of.forget(url)
        click.echo(f"{url} is trusted no longer")
        return
    list_of.trust(url)
    click.echo(f"{url} is trusted: who writes there, or below it, can run code as you")
    click.echo(f"  → `ithaca store trust --forget {url}` takes it back", err=True)


@store.command()
@as_json
def trusted(as_json: bool) -> None:
    """List the remotes that you trust."""
    from ithaca.runs import trust as list_of

    found = list_of.trusted()
    if as_json:
        print_json({"trusted": found, "file": str(list_of.place())})
        return
    for url in found:
        click.echo(url)
    if not found:
        click.echo("none; `ithaca store trust URL` trusts one", err=True)
