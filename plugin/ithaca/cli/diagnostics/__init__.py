"""Render diagnostics as text, JSON, GitHub workflow commands or SARIF.

`text` and `review` are imported only when one of their formats is asked for; `text` loads rich.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

from ithaca.diagnostics import Diagnostic

Format = Literal["text", "json", "github", "sarif"]
FORMATS: tuple[str, ...] = get_args(Format)


def render(
    diagnostics: Sequence[Diagnostic],
    form: Format = "text",
    *,
    notebook: str = "",
    color: bool = False,
) -> str:
    """Render diagnostics for people or programs.

    Args:
        diagnostics: What `check` found.
        form: `text` for a terminal, `json`, `github` for workflow commands, `sarif` for 2.1.0.
        notebook: The path that was checked, as the user gave it.
        color: Whether `text` is coloured.

    Returns:
        Whole lines, each with its newline; possibly empty.
    """
    if form == "json":
        return _json(diagnostics, notebook)
    if form == "github":
        from ithaca.cli.diagnostics.review import render_github

        return render_github(diagnostics)
    if form == "sarif":
        from ithaca.cli.diagnostics.review import render_sarif

        return render_sarif(diagnostics)
    from ithaca.cli.diagnostics.text import render_text

    return render_text(diagnostics, notebook, color=color)


def counts(diagnostics: Sequence[Diagnostic]) -> dict[str, int]:
    """The number of diagnostics of each severity."""
    severities = [found.severity for found in diagnostics]
    return {kind: severities.count(kind) for kind in ("error", "warning", "notice")}


def _json(diagnostics: Sequence[Diagnostic], notebook: str) -> str:
    """`{"notebook", "ok", "counts", "diagnostics"}`; unknown fields are left out."""
    found = counts(diagnostics)
    content = {
        "notebook": notebook,
        "ok": not found["error"],
        "counts": found,
        "diagnostics": list(diagnostics),
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"
