"""A cell's outputs, kept small: merged streams, collapsed progress bars, limited length."""

from __future__ import annotations

import re
from collections import deque
from typing import Any

STREAM_LIMIT = 1 << 20
"""Characters of streams that are kept from the start of a cell, and again from its end."""

RICH_LIMIT = 32 << 20
"""Characters of all other outputs of a cell."""

RICH_COUNT = 1000

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


def plain(text: str) -> str:
    """Text without terminal colours and without what a carriage return overwrote."""
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    return settled(text).replace("\r\n", "\n")


def settled(text: str) -> str:
    r"""Text without what a carriage return overwrote; those at line ends stay.

    Example:
        >>> settled("10 %\r20 %\ndone")
        '20 %\ndone'
    """
    if "\r" not in text:
        return text
    lines = []
    for line in text.split("\n"):
        body = line.rstrip("\r")
        lines.append(body[body.rfind("\r") + 1 :] + line[len(body) :])
    return "\n".join(lines)


class CellOutputs:
    """Fills the list of outputs of one cell; an index in the list never changes.

    Args:
        outputs: The cell's list, in place.
        limit: Characters of streams that are kept from each end.
    """

    def __init__(self, outputs: list[Any], limit: int = STREAM_LIMIT) -> None:
        self._outputs = outputs
        self._limit = limit
        self.clear()

    def clear(self) -> None:
        """Remove all outputs, as `clear_output` does."""
        self._outputs[:] = []
        self._chunks: dict[int, list[str]] = {}
        self._sizes: dict[int, int] = {}
        self._kept = 0
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self._tail_at: int | None = None
        self._omitted = 0
        self._rich = self._rich_size = self._rich_omitted = 0

    def stream(self, name: str, text: str) -> None:
        """Add text of `stdout` or `stderr`."""
        if self._tail_at is not None:
            self._to_tail(text)
        elif self._kept + len(text) <= self._limit:
            self._to_head(name, text)
        else:
            room = self._limit - self._kept
            self._to_head(name, text[:room])
            self._outputs.append(_stream("stderr", ""))
            self._outputs.append(_stream(name, ""))
            self._tail_at = len(self._outputs) - 1
            self._to_tail(text[room:])

    def rich(self, output: dict[str, Any]) -> bool:
        """Add another output; False when it is left out because there are too many."""
        size = sum(
            len(value) for value in output.get("data", {}).values() if isinstance(value, str)
        )
        too_large = self._rich_size + size > RICH_LIMIT or self._rich >= RICH_COUNT
        if too_large and output["output_type"] != "error":
            self._rich_omitted += 1
            if self._rich_omitted == 1:
                self._notice_at = len(self._outputs)
                self._outputs.append(_stream("stderr", ""))
            return False
        self._rich += 1
        self._rich_size += size
        self._outputs.append(output)
        return True

    def settle(self) -> None:
        """Write the collected text into the outputs, so that they can be saved."""
        for index, chunks in self._chunks.items():
            chunks[:] = ["".join(chunks)]
            self._outputs[index]["text"] = chunks[0]
        if self._tail_at is not None:
            self._tail = deque(["".join(self._tail)])
            self._outputs[self._tail_at]["text"] = self._tail[0]
            self._outputs[self._tail_at - 1]["text"] = (
                f"\n[ithaca: {self._omitted:,} characters left out here; the log has more]\n"
                if self._omitted
                else ""
            )
        if self._rich_omitted:
            self._outputs[self._notice_at]["text"] = (
                f"[ithaca: {self._rich_omitted:,} more outputs of this cell left out]\n"
            )

    def _to_head(self, name: str, text: str) -> None:
        last = len(self._outputs) - 1
        if last not in self._chunks or self._outputs[last]["name"] != name:
            self._outputs.append(_stream(name, ""))
            last += 1
            self._chunks[last], self._sizes[last] = [], 0
        chunks = self._chunks[last]
        if "\r" in text or (chunks and chunks[-1].endswith("\r")):
            chunks[:] = [settled("".join([*chunks, text]))]
        else:
            chunks.append(text)
        size = sum(map(len, chunks)) if len(chunks) == 1 else self._sizes[last] + len(text)
        self._kept += size - self._sizes[last]
        self._sizes[last] = size

    def _to_tail(self, text: str) -> None:
        self._tail.append(text)
        self._tail_size += len(text)
        while self._tail_size > self._limit:
            first = self._tail.popleft()
            cut = min(len(first), self._tail_size - self._limit)
            if cut < len(first):
                self._tail.appendleft(first[cut:])
            self._tail_size -= cut
            self._omitted += cut


def _stream(name: str, text: str) -> Any:
    from nbformat import NotebookNode

    node: Any = NotebookNode  # untyped
    return node(output_type="stream", name=name, text=text)
