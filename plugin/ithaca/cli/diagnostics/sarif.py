"""Diagnostics as SARIF 2.1.0, the format of code-scanning services."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import quote

from ithaca.cli.diagnostics.places import Places, relative
from ithaca.diagnostics import Diagnostic

_LEVEL = {"error": "error", "warning": "warning", "notice": "note"}


def render_sarif(diagnostics: Sequence[Diagnostic]) -> str:
    """One log with one run; each code is a rule, each diagnostic a result."""
    codes = sorted({found.code for found in diagnostics})
    places = Places()
    driver: dict[str, Any] = {"name": "Ithaca", "rules": [{"id": code} for code in codes]}
    if installed := _version():
        driver["version"] = installed
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


def _version() -> str:
    try:
        return version("ithaca")
    except PackageNotFoundError:
        return ""
