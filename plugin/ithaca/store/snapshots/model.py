"""The records that the functions of this package take and return."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["file", "dir", "symlink"]

Suspect = Literal["object", "document", "snapshot", "pack", "index"]

RESERVED = ".ithaca-volume"
"""Ithaca's own folder in a volume: values and libraries. Never part of a source."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One path of a snapshot.

    Attributes:
        kind: `file`, `dir` or `symlink`.
        digest: Digest of a file's bytes or of a folder's tree: BLAKE3, 64 hex digits; empty for a
            link.
        size: Bytes of a file or of a link's target; 0 for a folder.
        executable: Whether the owner may execute the file.
        target: Target of a symlink, as bytes.
        mode: Permission bits, such as `0o644`. Not content.
        mtime_ns: Time of the last change, nanoseconds since the epoch. Not content.
        attributes: Digest of the attributes of a folder's entries; empty if there are none.
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
        """What a merge and a diff compare; all folders are equal."""
        digest = self.digest if self.kind == "file" else ""
        return self.kind, digest, self.executable, self.target


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable tree of files.

    Attributes:
        digest: Digest of the root's tree, the snapshot's name.
        attributes: Digest of the attributes (modes, mtimes) of the root's entries.
        files: How many files it holds.
        bytes: Total size of the files.
        created: When it was first stored, seconds since the epoch.
    """

    digest: str
    attributes: str = ""
    files: int = 0
    bytes: int = 0
    created: float = 0.0


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `take`. Paths are relative, with `/`; bytes that are not UTF-8 are surrogates.

    Attributes:
        digest: The snapshot.
        files: How many files it holds.
        bytes: Total size of the files.
        left_out: Files and folders that look like credentials.
        ignored: Topmost paths that `.ithacaignore` leaves out; in a step also those that a default
            leaves out (`.git`, environments). Later steps do not see them.
        skipped: Sockets, pipes and devices, which a snapshot cannot hold.
        read: How many files were read because the cache did not know them.
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
        """Messages about files that the user may miss in the snapshot."""
        found = []
        if self.left_out:
            found.append(
                f"left out because they look like credentials: {_some(self.left_out)} "
                "(add `!PATH` to `.ithacaignore` to include one)"
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
    """The parts of an execution that a merge needs.

    Attributes:
        step: Name of the step.
        before: The snapshot before the step.
        after: The snapshot after the step.
        parents: Digests of the parent executions.
    """

    step: str
    before: str
    after: str
    parents: tuple[str, ...] = ()


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a merge.

    Attributes:
        digest: The stored snapshot.
        marked: Names of values in conflict that no later step reads.
        notices: Messages about the rules that settled conflicts.
    """

    digest: str
    marked: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A problem in a store.

    Attributes:
        kind: `object`, `document` or `snapshot`; in a remote also `pack` or `index`.
        name: Its digest or name.
        message: What is wrong.
    """

    kind: Suspect
    name: str
    message: str


def _some(paths: tuple[str, ...], most: int = 8) -> str:
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(paths[:most]) + more
