"""What `ithaca check` finds: one frozen record a problem, with its place in the notebook."""

from __future__ import annotations

from typing import Literal

import msgspec

Severity = Literal["error", "warning", "notice"]


class Diagnostic(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A problem in a notebook.

    Attributes:
        code: The stable code, such as `ITH103`.
        severity: `error` stops compile; `warning` is likely a mistake; `notice` is for information.
        message: What is wrong, one sentence.
        cure: What to do about it.
        notebook: Path of the notebook as the user gave it.
        cell: Number of the cell, counted from 1 over all cells of the notebook; None when the
            whole notebook is meant.
        line: Line in the cell, from 1.
        column: Column in the line, from 1.
        end_column: Column after the last character of what is wrong.
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
        """`notebook cell 3 line 2`, as far as it is known."""
        parts = [self.notebook] if self.notebook else []
        if self.cell is not None:
            parts.append(f"cell {self.cell}")
        if self.line is not None:
            parts.append(f"line {self.line}")
        return " ".join(parts)
