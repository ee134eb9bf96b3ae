"""Diagnostics for review tools: GitHub workflow commands, and SARIF 2.1.0 for code scanning."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

from ithaca.cli.diagnostics.places import Places, relative
from ithaca.diagnostics import Diagnostic

_LEVEL = {"error": "error", "warning": "warning", "notice": "note"}


def render_sarif(diagnostics: Sequence[Diagnostic]) -> str:
    """One log with one run; each code is a rule, each diagnostic a result."""
    codes = sorted({found.code for found in diagnostics})
    places = Places()
    rules = [{"id": code} for code in codes]
    driver = {"name": "Ithaca", "rules": rules, "version": version("ithaca")}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(found, codes, places) for found in diagnostics],
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _result(found: Diagnostic, codes: list[str], places: Places) -> dict[str, Any]:
    text = f"{found.message}\n→ {found.cure}" if found.cure else found.message
    result: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": codes.index(found.code),
        "level": _LEVEL[found.severity],
        "message": {"text": text},
    }
    if found.notebook:
        result["locations"] = [_location(found, places)]
    return result


def _location(found: Diagnostic, places: Places) -> dict[str, Any]:
    # No columns: the line is quoted and escaped in the file, so its columns differ there.
    region: dict[str, Any] = {"startLine": places.line(found.notebook, found.cell, found.line)}
    if found.source:
        region["snippet"] = {"text": found.source}
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(relative(found.notebook))},
            "region": region,
        }
    }
    if found.cell is not None:
        location["logicalLocations"] = [
            {"name": f"cell {found.cell}", "fullyQualifiedName": found.place}
        ]
    return location


def render_github(diagnostics: Sequence[Diagnostic]) -> str:
    """One `::error file=…,line=…,title=…::message` per diagnostic.

    `line` is the line of the `.ipynb` file, where GitHub shows the annotation; the message names
    the cell and the line in it.
    """
    places = Places()
    return "".join(_command(found, places) for found in diagnostics)


def _command(found: Diagnostic, places: Places) -> str:
    notebook, cell, line = found.notebook, found.cell, found.line
    properties = places.properties(notebook, cell, line) if notebook else {}
    place = found.place.removeprefix(found.notebook).strip()
    message = f"{place}: {found.message}" if place else found.message
    if found.cure:
        message += f"\n→ {found.cure}"
    return workflow_command(found.severity, message, {**properties, "title": found.code})


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
