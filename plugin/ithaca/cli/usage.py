"""Turn click's errors about a command line into Ithaca's form."""

from __future__ import annotations

import re

import click

from ithaca.errors import UsageError, suggest

_SUGGESTION = re.compile(r"\.? \(?(?:Did you mean|Possible options).*", re.DOTALL)


def usage_error(error: click.ClickException) -> UsageError:
    """The error with its place, the name that was probably meant, and where to find help.

    Args:
        error: What click raised.
    """
    context = error.ctx if isinstance(error, click.UsageError) else None
    message = _range_message(error) or _SUGGESTION.sub("", error.format_message().strip())
    message = message.rstrip(".") + _suggestion(error, context)
    called = context.command_path if context else "ithaca"
    return UsageError(
        "ITH900",
        message[:1].lower() + message[1:],
        where=f"`{context.command_path}`" if context else "",
        cure=f"see `{called} --help`",
    )


def _range_message(error: click.ClickException) -> str | None:
    """`--parallel must be at least 1 (got 0)`."""
    if not isinstance(error, click.BadParameter) or error.param is None:
        return None
    kind = error.param.type
    if not isinstance(kind, click.IntRange) or kind.min is None or kind.max is not None:
        return None
    outside = re.match(r"(-?\d+) is not in the range", error.message)
    wrong = re.match(r"'(.*)' is not a valid integer", error.message)
    option = error.param.opts[-1]
    if outside:
        return f"{option} must be at least {kind.min} (got {outside[1]})"
    return f"{option} must be a whole number (got {wrong[1]!r})" if wrong else None


def _suggestion(error: click.ClickException, context: click.Context | None) -> str:
    """The option, choice or command that was probably meant, as the end of a message."""
    text = error.format_message()
    if isinstance(error, click.NoSuchOption):
        parameters = context.command.params if context else []
        return suggest(error.option_name, [name for each in parameters for name in each.opts])
    if isinstance(error, click.BadParameter):
        choices = getattr(getattr(error.param, "type", None), "choices", ())
        found = re.match(r"'(.*?)' is not one of", error.message)
        return suggest(found[1], map(str, choices)) if found else ""
    group = context.command if context else None
    found = re.match(r"No such command '(.*?)'", text)
    if found is None or context is None or not isinstance(group, click.Group):
        return ""
    return suggest(found[1], group.list_commands(context))
