"""Diagnostics for a terminal: place, message, the source line with a caret, and the cure."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ithaca.diagnostics import Diagnostic, Severity

_STYLE: dict[Severity, str] = {
    "error": "bold red",
    "warning": "bold yellow",
    "notice": "bold cyan",
}
_TAB = "    "


def render_text(diagnostics: Sequence[Diagnostic], notebook: str, *, color: bool = False) -> str:
    """Render diagnostics for a terminal.

    Args:
        diagnostics: What `check` found.
        notebook: The path that was checked.
        color: Whether to use colours.

    Returns:
        Whole lines; the last one counts the diagnostics.
    """
    stream = io.StringIO()
    console = Console(
        file=stream,
        force_terminal=color,
        color_system="standard" if color else None,
        # Programs that read the output want whole lines.
        width=max(shutil.get_terminal_size().columns, 40) if color else 10_000,
        highlight=False,
        emoji=False,
        markup=False,
        legacy_windows=False,
    )
    for found in diagnostics:
        for line in _lines(found):
            console.print(line, soft_wrap=not color)
        console.print()
    console.print(_summary(diagnostics, notebook), soft_wrap=not color)
    return stream.getvalue()


def _lines(found: Diagnostic) -> list[Text]:
    head = Text()
    if found.place:
        head.append(f"{_printable(found.place)}: ", style="bold")
    head.append(f"{found.severity} {found.code}", style=_STYLE[found.severity])
    head.append(f": {_printable(found.message)}")
    lines = [head]
    if found.source:
        lines += _source(found)
    if found.cure:
        lines.append(Text(f"  → {_printable(found.cure)}", style="green"))
    return lines


def _source(found: Diagnostic) -> list[Text]:
    """The source line, with a caret below the problem."""
    number = "" if found.line is None else str(found.line)
    gutter = f"{number:>5} │ "
    shown = [Text.assemble((gutter, "dim"), _printable(found.source))]
    if found.column is not None:
        start = found.column - 1
        end = max(found.end_column or 0, found.column + 1) - 1
        before = cell_len(_printable(found.source[:start]))
        # If the problem ends on a later line, the caret ends with this one.
        length = max(1, cell_len(_printable(found.source[start:end])))
        caret = " " * before + "^" * length
        shown.append(Text.assemble((" " * 5 + " │ ", "dim"), (caret, _STYLE[found.severity])))
    return shown


def _summary(diagnostics: Sequence[Diagnostic], notebook: str) -> Text:
    severities = [found.severity for found in diagnostics]
    counts = {severity: severities.count(severity) for severity in _STYLE}
    parts = [f"{n} {severity}{'' if n == 1 else 's'}" for severity, n in counts.items() if n]
    place = f"{_printable(notebook)}: " if notebook else ""
    return Text(place + (", ".join(parts) or "no problems found"), style="bold")


def _printable(text: str) -> str:
    """Replace control characters, so that a notebook cannot control the terminal."""
    spaced = text.replace("\t", _TAB).replace("\r", "")
    return "".join(
        letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}"
        for letter in spaced
    )
