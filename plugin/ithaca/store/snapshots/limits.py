"""The largest size of a source, and the error if it is larger."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ithaca.errors import UsageError
from ithaca.store.snapshots.ignore import literal

if TYPE_CHECKING:
    from ithaca.store.snapshots.scan import Found

_SHOWN = 10


@dataclasses.dataclass(frozen=True)
class Limits:
    """The largest allowed source.

    Attributes:
        bytes: Total size of the files.
        files: How many files.
    """

    bytes: int = 1 << 30
    files: int = 50_000


def check(found: Found, limits: Limits, where: str) -> None:
    """Check the size of a tree.

    Args:
        found: The scanned tree.
        limits: The limits.
        where: The root, for the message.

    Raises:
        UsageError: It is too large; lists the ten largest entries and the lines that leave them
            out.
    """
    if found.bytes <= limits.bytes and found.files <= limits.files:
        return
    by_files = found.bytes <= limits.bytes
    largest = _largest(found, by_files=by_files)
    rows = "\n".join(
        f"    {_readable(entry.bytes):>10} {entry.files:>7} files  {entry.text}"
        for entry in largest
    )
    lines = "\n".join(
        f"    {literal(entry.text)}{'/' if entry.is_folder else ''}" for entry in largest
    )
    raise UsageError(
        "ITH408",
        f"too large to snapshot: {_readable(found.bytes)} in {found.files} files "
        f"(the limit is {_readable(limits.bytes)} and {limits.files} files). "
        f"The largest entries:\n{rows}",
        cure="add lines to .ithacaignore for what the steps do not need:\n"
        f"{lines}\n    or raise the limit ([tool.ithaca.source] max_bytes, max_files)",
        where=where,
    )


def _largest(root: Found, *, by_files: bool) -> list[Found]:
    """The ten largest entries; a single entry with most of a folder's size replaces it."""

    def size(entry: Found) -> int:
        return entry.files if by_files else entry.bytes

    shown: list[Found] = []
    waiting = list(root.children or ())
    while waiting:
        entry = waiting.pop()
        inner = [child for child in entry.children or () if size(child) * 2 > size(entry)]
        if inner and inner[0].is_folder:
            waiting.extend(entry.children or ())
        else:
            shown.append(entry)
    return sorted(shown, key=lambda entry: (-size(entry), entry.path))[:_SHOWN]


def _readable(size: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
