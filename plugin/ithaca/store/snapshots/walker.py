"""Read snapshots: their entries, their differences, their names."""

from __future__ import annotations

import functools
import stat
from typing import TYPE_CHECKING, Literal

from ithaca.errors import NotFound, UnsafeSnapshot, UsageError
from ithaca.store.naming import SNAPSHOTS
from ithaca.store.snapshots.format import (
    EXECUTABLE,
    FILE,
    FOLDER,
    MAX_DEPTH,
    SYMLINK,
    Attributes,
    TreeEntry,
    decode_folder,
    decode_snapshot,
)
from ithaca.store.snapshots.model import Change, Entry, Snapshot
from ithaca.store.snapshots.scan import join, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ithaca.store.base import Store

_SHORTEST_PREFIX = 4
_DEFAULT_MODES = {FOLDER: 0o755, EXECUTABLE: 0o755}


def snapshot(store: Store, digest: str) -> Snapshot:
    """The content of a snapshot's file.

    Raises:
        NotFound: There is no such snapshot.
        Corrupt: Its file is damaged.
    """
    body = decode_snapshot(store.get_snapshot(digest), digest)
    return Snapshot(
        digest=digest,
        attributes=body.attributes.hex() if body.attributes else "",
        files=body.files,
        bytes=body.total,
        created=body.created,
    )


def list_snapshots(store: Store) -> list[Snapshot]:
    """All snapshots of a store, newest first.

    Raises:
        Corrupt: The file of a snapshot is damaged.
    """
    found = [snapshot(store, digest) for digest in store.digests(SNAPSHOTS)]
    return sorted(found, key=lambda one: (-one.created, one.digest))


def resolve(store: Store, prefix: str) -> str:
    """Digest of the snapshot that begins with a prefix.

    Args:
        store: The store.
        prefix: At least four hex digits.

    Raises:
        NotFound: No digest begins with it.
        UsageError: Several digests do, or the prefix is too short.
    """
    return match_prefix(prefix, lambda start: store.digests(SNAPSHOTS, start))


def match_prefix(prefix: str, find: Callable[[str], Sequence[str]], *, where: str = "") -> str:
    """The only digest of a snapshot that begins with a prefix.

    Args:
        prefix: At least four hex digits.
        find: Returns the digests that begin with a prefix.
        where: URL of the remote that holds them; empty for the local store.

    Raises:
        NotFound: No digest begins with it.
        UsageError: Several digests do, or the prefix is too short.
    """
    if len(prefix) < _SHORTEST_PREFIX:
        raise UsageError(
            "ITH409", f"{prefix!r} is too short", cure="use at least four digits of the digest"
        )
    found = find(prefix.lower())
    if not found:
        raise NotFound(
            "ITH402",
            f"the remote has no snapshot {prefix}" if where else f"no snapshot {prefix}",
            cure="" if where else "`ithaca snapshots list` lists them",
            where=where,
        )
    if len(found) > 1:
        listed = ", ".join(digest[: len(prefix) + 4] for digest in found[:5])
        raise UsageError(
            "ITH409",
            f"{prefix} matches {len(found)} snapshots: {listed}",
            cure="use more digits",
        )
    return found[0]


def entries(store: Store, digest: str) -> dict[str, Entry]:
    """Every path of a snapshot, including folders, which precede their content.

    Args:
        store: The store.
        digest: The snapshot.

    Returns:
        Relative path (bytes that are not UTF-8 are surrogates) to entry, sorted by path parts.

    Raises:
        NotFound: The snapshot, or a part of it, is missing.
        Corrupt: A part of it is damaged.
        UnsafeSnapshot: It has a name that could escape the root.
    """
    return {text(path): entry for path, entry in walk(store, root_entry(store, digest))}


def read_blob(store: Store, entry: Entry) -> bytes:
    """The bytes of a file of a snapshot, verified.

    Raises:
        NotFound: They are missing.
        Corrupt: They are damaged.
    """
    return store.get_object(entry.digest)


def diff(store: Store, first: str, second: str) -> list[Change]:
    """The differences between two snapshots: bytes, kinds and executable bits, but not times.

    Args:
        store: The store.
        first: A snapshot.
        second: Another one.

    Returns:
        One change for each path, sorted; for an added or removed folder also every path below it.

    Raises:
        NotFound: A snapshot, or a part of it, is missing.
        Corrupt: A part of one is damaged.
    """
    found = changes(store, root_entry(store, first), root_entry(store, second))
    return [
        Change(path=text(path), kind=_kind(before, after), before=before, after=after)
        for path, before, after in found
    ]


def changes(
    store: Store, first: Entry | None, second: Entry | None, path: bytes = b""
) -> Iterator[tuple[bytes, Entry | None, Entry | None]]:
    """The differences below two folders; equal folders are not read.

    Args:
        store: The store.
        first: A folder; None is an empty one.
        second: Another one.
        path: Path of both.
    """
    if first is not None and second is not None and first.digest == second.digest:
        return
    left, right = _children(store, first, path), _children(store, second, path)
    for name in sorted(left.keys() | right.keys()):
        below = join(path, name)
        one, other = left.get(name), right.get(name)
        if one is None or other is None or one.content != other.content:
            yield below, one, other
        if _folder(one) or _folder(other):
            yield from changes(store, _folder(one), _folder(other), below)


def root_entry(store: Store, digest: str) -> Entry:
    """The root of a snapshot as a folder."""
    found = snapshot(store, digest)
    return Entry(kind="dir", digest=digest, mode=0o755, attributes=found.attributes)


def walk(store: Store, folder: Entry, path: bytes = b"") -> Iterator[tuple[bytes, Entry]]:
    """Every path below a folder, sorted by path parts."""
    for name, entry in children(store, folder, path).items():
        below = join(path, name)
        yield below, entry
        if entry.kind == "dir":
            yield from walk(store, entry, below)


def children(store: Store, folder: Entry, path: bytes = b"") -> dict[bytes, Entry]:
    """The entries of a folder, sorted by name.

    Args:
        store: The store.
        folder: An entry of kind `dir`.
        path: Its path, to check its depth.

    Raises:
        NotFound: Its tree is missing.
        Corrupt: Its tree is damaged.
        UnsafeSnapshot: It has a name that could escape the root, or is nested too deeply.
    """
    if path.count(b"/") >= MAX_DEPTH:
        raise UnsafeSnapshot("ITH404", f"a snapshot has folders nested more than {MAX_DEPTH} deep")
    found = decode_folder(folder.digest, folder.attributes, store.get_object)
    return {one.name: _entry(one, attributes) for one, attributes in found}


def tree_entry(name: bytes, entry: Entry, *, digest: str = "") -> TreeEntry:
    """The entry of a path in its folder's tree.

    Args:
        name: The path's name.
        entry: The entry.
        digest: Digest of a folder's tree, if it differs from the entry's.
    """
    if entry.kind == "dir":
        return TreeEntry(name, FOLDER, 0, bytes.fromhex(digest or entry.digest))
    if entry.kind == "symlink":
        return TreeEntry(name, SYMLINK, 0, entry.target)
    kind = EXECUTABLE if entry.executable else FILE
    return TreeEntry(name, kind, entry.size, bytes.fromhex(entry.digest))


def _entry(found: TreeEntry, attributes: Attributes | None) -> Entry:
    known = attributes or Attributes(_DEFAULT_MODES.get(found.kind, 0o644), 0)
    mode, make = known.mode, functools.partial(Entry, mtime_ns=known.mtime_ns)
    if found.kind == SYMLINK:
        return make(kind="symlink", target=found.reference, size=len(found.reference), mode=mode)
    digest = found.reference.hex()
    if found.kind == FOLDER:
        below = known.child.hex() if known.child else ""
        return make(kind="dir", digest=digest, mode=mode, attributes=below)
    executable = found.kind == EXECUTABLE
    mode = mode | stat.S_IXUSR if executable else mode & ~stat.S_IXUSR
    return make(kind="file", digest=digest, size=found.size, executable=executable, mode=mode)


def _children(store: Store, folder: Entry | None, path: bytes) -> dict[bytes, Entry]:
    return {} if folder is None else children(store, folder, path)


def _folder(entry: Entry | None) -> Entry | None:
    return entry if entry is not None and entry.kind == "dir" else None


def _kind(before: Entry | None, after: Entry | None) -> Literal["added", "removed", "changed"]:
    if before is None:
        return "added"
    return "removed" if after is None else "changed"
