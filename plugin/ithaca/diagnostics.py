"""Diagnostics: the problems that `ithaca check` finds, with their place in the notebook."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "notice"]


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem in a notebook.

    Attributes:
        code: The stable code, such as `ITH103`.
        severity: `error` stops compile; `warning` is likely a mistake; `notice` is for information.
        message: What is wrong, in one sentence.
        cure: What to do about it, as an instruction.
        notebook: Path of the notebook as the user gave it.
        cell: Number of the cell, from 1 over all cells of the notebook; None for the whole
            notebook.
        line: Line in the cell, from 1.
        column: Column in the line, from 1.
        end_column: Column after the last character of the problem.
        source: The text of the line.
    """

    code: str
    severity: Severity
    message: str
    cure: str = ""
    notebook: str = ""
    cell: int | None = None
    line: int | None = None
    column: int | None = None
    end_column: int | None = None
    source: str = ""

    @property
    def place(self) -> str:
        """The place in words, such as `train.ipynb cell 3 line 2`."""
        parts = [self.notebook] if self.notebook else []
        if self.cell is not None:
            parts.append(f"cell {self.cell}")
        if self.line is not None:
            parts.append(f"line {self.line}")
        return " ".join(parts)


def about_tag(
    code: str,
    message: str,
    cure: str,
    text: str = "",
    *,
    severity: Severity = "error",
    notebook: str = "",
    cell: int | None = None,
    start: int = 0,
) -> Diagnostic:
    """A diagnostic that points at a tag.

    Args:
        code: The stable code.
        message: What is wrong.
        cure: What to do about it.
        text: The tag; empty when the whole cell or notebook is meant.
        severity: As in `Diagnostic`.
        notebook: Path of the notebook, for messages.
        cell: Number of the cell.
        start: Where in the tag the problem begins, from 0.
    """
    return Diagnostic(
        code=code,
        severity=severity,
        message=message,
        cure=cure,
        notebook=notebook,
        cell=cell,
        source=text,
        column=start + 1 if text else None,
        end_column=max(len(text), start + 1) + 1 if text else None,
    )
