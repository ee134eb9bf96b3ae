"""Diagnostics as one JSON object."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ithaca.cli.diagnostics_report import counts
from ithaca.diagnostics import Diagnostic


def render_json(diagnostics: Sequence[Diagnostic], notebook: str) -> str:
    """`{"notebook", "ok", "counts", "diagnostics"}`; a field that is not known is left out."""
    found = counts(diagnostics)
    content = {
        "notebook": notebook,
        "ok": not found["error"],
        "counts": found,
        "diagnostics": list(diagnostics),
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"
