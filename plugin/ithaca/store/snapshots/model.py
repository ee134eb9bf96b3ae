"""What the room's functions take and give: frozen records."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["file", "dir", "symlink"]

RESERVED = ".ithaca-volume"
"""The folder of a volume that belongs to Ithaca: values, overlay environment. Never in a source."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One path of a snapshot.

    Attributes:
        kind: `file`, `dir` or `symlink`.
        digest: Of a file's bytes or of a folder's tree: BLAKE3, 64 hex digits; empty for a link.
        size: Bytes of a file or of a link's target; 0 for a folder.
        executable: A file that its owner may execute.
        target: What a symlink says, as bytes.
        mode: Permission bits, as `0o644`. Not content.
        mtime_ns: Time of the last change, nanoseconds since the epoch. Not content.
        attributes: Digest of the attributes of a folder's entries; empty when there are none.
    """

    kind: Kind
    digest: str = ""
    size: int = 0
    executable: bool = False
    target: bytes = b""
    mode: int = 0o644
    mtime_ns: int = 0
    attributes: str = ""

    @property
    def content(self) -> tuple[str, str, bool, bytes]:
        """What a merge and a diff compare; two folders are equal whatever they hold."""
        return (
            self.kind,
            self.digest if self.kind == "file" else "",
            self.executable,
            self.target,
        )


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable tree of files.

    Attributes:
        digest: Its name: the digest of the root's tree.
        attributes: Digest of the attributes (modes, mtimes) of the root's entries.
        files: How many files it holds.
        bytes: Their bytes together.
        created: When it was first stored, seconds since the epoch.
    """

    digest: str
    attributes: str = ""
    files: int = 0
    bytes: int = 0
    created: float = 0.0


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What `take` did. Paths are relative, with `/`; bytes that are no UTF-8 are surrogates.

    Attributes:
        digest: The snapshot.
        files: How many files it holds.
        bytes: Their bytes together.
        left_out: Files and folders that look like credentials and were left out.
        ignored: Topmost paths left out by the user's `.ithacaignore`; in a step also by a default
            (`.git`, environments): no later step sees them.
        skipped: Sockets, pipes and devices, which no snapshot can hold.
        read: How many files had to be read because the cache did not know them.
    """

    digest: str
    files: int
    bytes: int
    left_out: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    read: int = 0

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences for the user, about what is not in the snapshot though they may expect it."""
        found = []
        if self.left_out:
            found.append(
                f"left out because they look like credentials: {_some(self.left_out)} "
                "(a line `!PATH` in `.ithacaignore` takes one in)"
            )
        if self.skipped:
            found.append(
                f"left out because they are sockets, pipes or devices: {_some(self.skipped)}"
            )
        return tuple(found)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between two snapshots.

    Attributes:
        path: Relative path.
        kind: `added`, `removed` or `changed` (bytes, kind or executable bit).
        before: The entry in the first snapshot.
        after: The entry in the second snapshot.
    """

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Entry | None = None
    after: Entry | None = None


class MergeNode(msgspec.Struct, frozen=True, kw_only=True):
    """What a merge needs to know of one execution.

    Attributes:
        step: Name of the step.
        before: Snapshot that it started from.
        after: Snapshot that it left.
        parents: Digests of the executions that it came from.
    """

    step: str
    before: str
    after: str
    parents: tuple[str, ...] = ()


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """What a merge made.

    Attributes:
        digest: The stored snapshot.
        marked: Names of values that conflict, but that no later step reads.
        notices: Sentences for the user: which rules settled which paths.
    """

    digest: str
    marked: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the store that is wrong.

    Attributes:
        kind: `object`, `document` or `snapshot`; of a remote also `pack` or `index`.
        name: Digest, or the file's place in the store when its name is no digest.
        message: What is wrong with it.
    """

    kind: Literal["object", "document", "snapshot", "pack", "index"]
    name: str
    message: str


def _some(paths: tuple[str, ...], most: int = 8) -> str:
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(paths[:most]) + more
