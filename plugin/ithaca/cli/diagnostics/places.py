"""Find a cell's line in the notebook's file: review tools know files and lines, not cells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


class Places:
    """Line numbers in notebook files; each file is read once, when it is first needed."""

    def __init__(self) -> None:
        self._files: dict[str, dict[int, list[int]]] = {}

    def line(self, notebook: str, cell: int | None, line: int | None) -> int:
        """The line of the file that holds a given line of a cell.

        Args:
            notebook: Path of the file, as the diagnostic names it.
            cell: Number of the cell, from 1; None for the whole notebook.
            line: Line in the cell, from 1; None for the whole cell.

        Returns:
            The line, from 1; 1 if it cannot be found.
        """
        if cell is None:
            return 1
        lines = self._cells(notebook).get(cell, [1])
        # The first entry is where the cell begins, the others are the lines of its source.
        return lines[min(line or 0, len(lines) - 1)]

    def properties(self, notebook: str, cell: int | None, line: int | None) -> dict[str, str]:
        """The `file` and `line` of a workflow command for a place in a notebook."""
        return {"file": relative(notebook), "line": str(self.line(notebook, cell, line))}

    def _cells(self, notebook: str) -> dict[int, list[int]]:
        if notebook not in self._files:
            try:
                text = Path(notebook).read_text(encoding="utf-8-sig")
                self._files[notebook] = _scan(text)
            except (OSError, ValueError, LookupError):
                self._files[notebook] = {}
        return self._files[notebook]


def _scan(text: str) -> dict[int, list[int]]:
    """For each cell, the line where it begins, followed by the lines of its source."""
    found: dict[int, list[int]] = {}
    path: list[Any] = []
    for piece, line in _tokens(text):
        if piece in "{[":
            if len(path) == 2 and path[0] == "cells" and isinstance(path[1], int):
                found[path[1] + 1] = [line]
            path.append(0 if piece == "[" else None)
        elif piece in "}]":
            path.pop()
        elif piece == "," and path and isinstance(path[-1], int):
            path[-1] += 1
        elif piece.startswith('"') and path:
            in_source = len(path) == 4 and path[0] == "cells" and path[2] == "source"
            if in_source and isinstance(path[3], int):
                found[path[1] + 1].append(line)
            if not isinstance(path[-1], int):
                # Keys and values alternate in an object. Recording a value as a key is harmless:
                # nothing looks at it before the next key replaces it.
                path[-1] = piece[1:-1]
    return found


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    line, last = 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", last, match.start())
        last = match.start()
        yield match[0], line


def relative(notebook: str) -> str:
    """A path as review tools expect it: relative to the current folder, separated by `/`."""
    path = Path(notebook)
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return path.as_posix()
