"""Diagnostics as GitHub workflow commands: annotations on the lines of a pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ithaca.cli.diagnostics.places import Places, relative
from ithaca.diagnostics import Diagnostic


def render_github(diagnostics: Sequence[Diagnostic]) -> str:
    """One `::error file=…,line=…,title=…::message` per diagnostic.

    `line` is the line of the `.ipynb` file, where GitHub shows the annotation; the message names
    the cell and the line in it.
    """
    places = Places()
    return "".join(_command(found, places) for found in diagnostics)


def _command(found: Diagnostic, places: Places) -> str:
    properties = {"title": found.code}
    if found.notebook:
        properties = {
            "file": relative(found.notebook),
            "line": str(places.line(found.notebook, found.cell, found.line)),
            **properties,
        }
    place = found.place.removeprefix(found.notebook).strip()
    message = f"{place}: {found.message}" if place else found.message
    if found.cure:
        message += f"\n→ {found.cure}"
    return workflow_command(found.severity, message, properties)


def workflow_command(name: str, text: str, properties: Mapping[str, str] | None = None) -> str:
    r"""A workflow command on a line of its own, escaped.

    Args:
        name: The command.
        text: Its message.
        properties: Its properties, in order.

    Example:
        >>> workflow_command("error", "50 % off", {"title": "a:b"})
        '::error title=a%3Ab::50 %25 off\n'
    """
    listed = ",".join(f"{key}={_property(value)}" for key, value in (properties or {}).items())
    return f"::{name}{' ' if listed else ''}{listed}::{_data(text)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
