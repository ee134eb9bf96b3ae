"""Rendering diagnostics: one function, four formats, each in a module of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from ithaca.diagnostics import Diagnostic

Format = Literal["text", "json", "github", "sarif"]
FORMATS: tuple[str, ...] = get_args(Format)


def render(
    diagnostics: Sequence[Diagnostic],
    form: Format = "text",
    *,
    notebook: str = "",
    color: bool = False,
    width: int = 100,
) -> str:
    """Diagnostics as text for people or machines.

    Args:
        diagnostics: What `check` found.
        form: `text` for a terminal, `json`, `github` for workflow commands, `sarif` for 2.1.0.
        notebook: The path that was checked, as the user gave it.
        color: Whether `text` is coloured.
        width: Columns of the terminal, for `text`.

    Returns:
        Whole lines, each with its newline; empty when there is nothing to say.
    """
    if form == "json":
        from ithaca.cli.diagnostics_json import render_json

        return render_json(diagnostics, notebook)
    if form == "github":
        from ithaca.cli.diagnostics_github import render_github

        return render_github(diagnostics)
    if form == "sarif":
        from ithaca.cli.diagnostics_sarif import render_sarif

        return render_sarif(diagnostics)
    from ithaca.cli.diagnostics_text import render_text  # imports rich

    return render_text(diagnostics, notebook, color=color, width=width)


def counts(diagnostics: Sequence[Diagnostic]) -> dict[str, int]:
    """How many there are of each severity."""
    severities = [found.severity for found in diagnostics]
    return {kind: severities.count(kind) for kind in ("error", "warning", "notice")}
