"""Diagnostics for people: place, message, the source line with a caret, and what to do."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ithaca.cli.diagnostics_report import counts
from ithaca.diagnostics import Diagnostic

_STYLE = {"error": "bold red", "warning": "bold yellow", "notice": "bold cyan"}
_TAB = "    "


def render_text(
    diagnostics: Sequence[Diagnostic], notebook: str, *, color: bool = False, width: int = 100
) -> str:
    """Diagnostics as a terminal shows them.

    Args:
        diagnostics: What `check` found.
        notebook: The path that was checked.
        color: Whether to use colours.
        width: Columns of the terminal.

    Returns:
        Whole lines; the last one counts what was found.
    """
    stream = io.StringIO()
    console = Console(
        file=stream,
        force_terminal=color,
        color_system="standard" if color else None,
        # Machines that read the output of another program want its lines whole.
        width=max(width, 40) if color else 10_000,
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
    """The source line, and a caret below what is wrong."""
    number = "" if found.line is None else str(found.line)
    gutter = f"{number:>5} │ "
    shown = [Text.assemble((gutter, "dim"), _printable(found.source))]
    if found.column is not None:
        start = found.column - 1
        end = max(found.end_column or 0, found.column + 1) - 1
        before = cell_len(_printable(found.source[:start]))
        # An end on a later line is cut off where this one ends.
        length = max(1, cell_len(_printable(found.source[start:end])))
        caret = " " * before + "^" * length
        shown.append(Text.assemble((" " * 5 + " │ ", "dim"), (caret, _STYLE[found.severity])))
    return shown


def _summary(diagnostics: Sequence[Diagnostic], notebook: str) -> Text:
    parts = [
        f"{number} {kind}{'' if number == 1 else 's'}"
        for kind, number in counts(diagnostics).items()
        if number
    ]
    place = f"{_printable(notebook)}: " if notebook else ""
    return Text(place + (", ".join(parts) or "no problems found"), style="bold")


def _printable(text: str) -> str:
    """A text that cannot move the cursor: what a notebook says must not steer the terminal."""
    spaced = text.replace("\t", _TAB).replace("\r", "")
    return "".join(
        letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}"
        for letter in spaced
    )
