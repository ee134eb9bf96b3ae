"""What click says of a wrong command line, in the form of all other messages."""

from __future__ import annotations

import re

import click

from ithaca.errors import UsageError, suggest

_ITS_GUESS = re.compile(r"\.? \(?(?:Did you mean|Possible options).*", re.DOTALL)


def usage_error(error: click.ClickException) -> UsageError:
    """The same error as one of ours: what is wrong, what was probably meant, where the help is.

    Args:
        error: What click raised.
    """
    context = error.ctx if isinstance(error, click.UsageError) else None
    message = _ITS_GUESS.sub("", error.format_message().strip()).rstrip(".")
    message += _suggestion(error, context)
    called = context.command_path if context else "ithaca"
    return UsageError(
        "ITH900",
        message[:1].lower() + message[1:],
        where=f"`{context.command_path}`" if context else "",
        cure=f"`{called} --help` shows how it is called",
    )


def _suggestion(error: click.ClickException, context: click.Context | None) -> str:
    """The option, choice or command that was probably meant, as the end of a message."""
    said = error.format_message()
    if isinstance(error, click.NoSuchOption):
        parameters = context.command.params if context else []
        return suggest(error.option_name, [name for each in parameters for name in each.opts])
    if isinstance(error, click.BadParameter):
        choices = getattr(getattr(error.param, "type", None), "choices", ())
        found = re.match(r"'(.*?)' is not one of", error.message)
        return suggest(found[1], map(str, choices)) if found else ""
    group = context.command if context else None
    found = re.match(r"No such command '(.*?)'", said)
    if found is None or context is None or not isinstance(group, click.Group):
        return ""
    return suggest(found[1], group.list_commands(context))
