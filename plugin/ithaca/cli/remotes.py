"""The options of all commands that may use a remote of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.runs import Project

    Command = TypeVar("Command", bound=Callable[..., Any])

_SAID = "ithaca.cli.remotes"
FORMS = "s3://BUCKET/PREFIX, gs://…, az://… or file:///FOLDER"


def remote_options(what: str) -> Callable[[Command], Command]:
    """`--store` and `--store-access`, which `flags` and `project` know.

    Args:
        what: What the remote is for.
    """

    def decorate(command: Command) -> Command:
        command = click.option(
            "--store-access",
            type=click.Choice(["write", "read", "none"]),
            expose_value=False,
            callback=_remember,
            help="What may be done with remotes; default: write.",
        )(command)
        return click.option(
            "--store", metavar="URL", expose_value=False, callback=_remember, help=what
        )(command)

    return decorate


def _remember(context: click.Context, option: click.Parameter, value: str | None) -> None:
    context.meta.setdefault(_SAID, {})[str(option.name)] = value


def flags(context: click.Context | None = None) -> dict[str, Any]:
    """What the command line says of remotes.

    Args:
        context: Of the command; None: the one that is run.
    """
    return dict((context or click.get_current_context()).meta.get(_SAID, {}))


def project(context: click.Context | None = None) -> Project:
    """The project of the working directory, with the remote that the command line names.

    Args:
        context: Of the command; None: the one that is run.
    """
    from ithaca.runs.project import find_project

    return find_project(flags=flags(context))
