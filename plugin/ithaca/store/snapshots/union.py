"""Joining the lines of logs that parallel steps wrote to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.store.snapshots.model import Entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.store.local import Store


def union(store: Store, entries: Sequence[Entry]) -> Entry:
    """Store a file with the lines of all files: the common beginning, then the rest of each.

    Args:
        store: Where the files are.
        entries: The files, in order; at least one.
    """
    data = join_lines([store.get_object(entry.digest) for entry in entries])
    executable = any(entry.executable for entry in entries)
    return Entry(
        kind="file",
        digest=store.put_object(data),
        size=len(data),
        executable=executable,
        mode=entries[0].mode | (0o100 if executable else 0),
        mtime_ns=max(entry.mtime_ns for entry in entries),
    )


def join_lines(files: Sequence[bytes]) -> bytes:
    r"""The common first lines of all files, then the other lines of each.

    Example:
        >>> join_lines([b"start\nleft\n", b"start\nright", b"start\n"])
        b'start\nleft\nright\n'
    """
    lines = [file.splitlines(keepends=True) for file in files]
    common = 0
    while all(common < len(one) and one[common] == lines[0][common] for one in lines):
        common += 1
    parts = [b"".join(lines[0][:common]), *(b"".join(one[common:]) for one in lines)]
    ended = [part if part.endswith(b"\n") else part + b"\n" for part in parts if part]
    return b"".join(ended)
