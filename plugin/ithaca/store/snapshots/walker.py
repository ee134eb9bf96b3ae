"""Looking at snapshots: their entries, their differences, their names."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Literal

from ithaca.errors import Corrupt, NotFound, UnsafeSnapshot, UsageError
from ithaca.store.naming import SNAPSHOTS
from ithaca.store.snapshots.format import (
    DAMAGED,
    EXECUTABLE,
    FILE,
    FOLDER,
    MAX_DEPTH,
    SYMLINK,
    Attributes,
    TreeEntry,
    decode_attributes,
    decode_snapshot,
    decode_tree,
)
from ithaca.store.snapshots.model import Change, Entry, Snapshot
from ithaca.store.snapshots.scan import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ithaca.store.local import Store

_SHORTEST_PREFIX = 4
_DEFAULT_MODES = {FOLDER: 0o755, EXECUTABLE: 0o755}


def snapshot(store: Store, digest: str) -> Snapshot:
    """What a snapshot's file says.

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
        Corrupt: The file of one is damaged.
    """
    found = [snapshot(store, digest) for digest in store.digests(SNAPSHOTS)]
    return sorted(found, key=lambda one: (-one.created, one.digest))


def resolve(store: Store, prefix: str) -> str:
    """Digest of the snapshot whose name begins with a prefix.

    Args:
        store: Where to look.
        prefix: At least four hex digits.

    Raises:
        NotFound: No snapshot's name begins like this.
        UsageError: More than one does, or the prefix is too short.
    """
    if len(prefix) < _SHORTEST_PREFIX:
        raise UsageError(
            "ITH409", f"{prefix!r} is too short", cure="give at least four digits of the digest"
        )
    found = store.digests(SNAPSHOTS, prefix.lower())
    if not found:
        raise NotFound(
            "ITH402", f"there is no snapshot {prefix}", cure="`ithaca snapshots list` lists them"
        )
    if len(found) > 1:
        listed = ", ".join(digest[: len(prefix) + 4] for digest in found[:5])
        raise UsageError(
            "ITH409",
            f"{prefix} is the beginning of {len(found)} snapshots: {listed}",
            cure="give more digits",
        )
    return found[0]


def entries(store: Store, digest: str) -> dict[str, Entry]:
    """Every path of a snapshot, folders too, a folder before what it holds.

    Args:
        store: Where to look.
        digest: The snapshot.

    Returns:
        Relative path (bytes that are no UTF-8 are surrogates) to entry, sorted by the path's parts.

    Raises:
        NotFound: No such snapshot, or a part of it is missing.
        Corrupt: A part of it is damaged.
        UnsafeSnapshot: It holds a name that could leave the root.
    """
    return {text(path): entry for path, entry in walk(store, root_entry(store, digest))}


def read_blob(store: Store, entry: Entry) -> bytes:
    """The bytes of a file of a snapshot, checked.

    Raises:
        NotFound: They are missing.
        Corrupt: They are damaged.
    """
    return store.get_object(entry.digest)


def diff(store: Store, first: str, second: str) -> list[Change]:
    """What differs between two snapshots: bytes, kinds and executable bits, never times.

    Args:
        store: Where to look.
        first: A snapshot.
        second: Another one.

    Returns:
        One change a path, sorted; of an added or removed folder every path below it too.

    Raises:
        NotFound: No such snapshot, or a part of it is missing.
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
    """Differences below two folders; equal folders are not entered.

    Args:
        store: Where to look.
        first: A folder; None or what is no folder counts as empty.
        second: Another one.
        path: Of both.
    """
    if first is not None and second is not None and first.digest == second.digest:
        return
    left, right = _children(store, first, path), _children(store, second, path)
    for name in sorted(left.keys() | right.keys()):
        below = path + b"/" + name if path else name
        one, other = left.get(name), right.get(name)
        if one is None or other is None or one.content != other.content:
            yield below, one, other
        if _is_folder(one) or _is_folder(other):
            yield from changes(
                store,
                one if _is_folder(one) else None,
                other if _is_folder(other) else None,
                below,
            )


def root_entry(store: Store, digest: str) -> Entry:
    """The root of a snapshot as a folder."""
    found = snapshot(store, digest)
    return Entry(kind="dir", digest=digest, mode=0o755, attributes=found.attributes)


def walk(store: Store, folder: Entry, path: bytes = b"") -> Iterator[tuple[bytes, Entry]]:
    """Every path below a folder, sorted by its parts."""
    for name, entry in children(store, folder, path).items():
        below = path + b"/" + name if path else name
        yield below, entry
        if entry.kind == "dir":
            yield from walk(store, entry, below)


def children(store: Store, folder: Entry, path: bytes = b"") -> dict[bytes, Entry]:
    """The entries of a folder, sorted by name.

    Args:
        store: Where to look.
        folder: An entry of kind `dir`.
        path: Where it lies, to refuse what lies too deep.

    Raises:
        NotFound: Its tree is missing.
        Corrupt: Its tree is damaged.
        UnsafeSnapshot: It holds a name that could leave the root, or lies too deep.
    """
    if path.count(b"/") >= MAX_DEPTH:
        raise UnsafeSnapshot(
            "ITH404", f"a snapshot has folders inside folders more than {MAX_DEPTH} deep"
        )
    tree = decode_tree(store.get_object(folder.digest), folder.digest)
    table: list[Attributes | None] = [None] * len(tree)
    if folder.attributes:
        table = list(decode_attributes(store.get_object(folder.attributes), folder.attributes))
        if len(table) != len(tree):
            raise Corrupt(
                "ITH403",
                f"the attributes {folder.attributes} do not belong to the tree {folder.digest}",
                cure=DAMAGED,
            )
    return {one.name: _entry(one, attributes) for one, attributes in zip(tree, table, strict=True)}


def tree_entry(name: bytes, entry: Entry, *, digest: str = "") -> TreeEntry:
    """A path's entry in its folder's tree.

    Args:
        name: Its name.
        entry: What it is.
        digest: Of the tree, for a folder that holds something else than the entry says.
    """
    if entry.kind == "dir":
        return TreeEntry(name, FOLDER, 0, bytes.fromhex(digest or entry.digest))
    if entry.kind == "symlink":
        return TreeEntry(name, SYMLINK, 0, entry.target)
    kind = EXECUTABLE if entry.executable else FILE
    return TreeEntry(name, kind, entry.size, bytes.fromhex(entry.digest))


def _entry(found: TreeEntry, attributes: Attributes | None) -> Entry:
    mode = _DEFAULT_MODES.get(found.kind, 0o644) if attributes is None else attributes.mode
    mtime_ns = 0 if attributes is None else attributes.mtime_ns
    if found.kind == SYMLINK:
        return Entry(
            kind="symlink",
            target=found.reference,
            size=len(found.reference),
            mode=mode,
            mtime_ns=mtime_ns,
        )
    if found.kind == FOLDER:
        child = attributes.child.hex() if attributes is not None and attributes.child else ""
        return Entry(
            kind="dir",
            digest=found.reference.hex(),
            mode=mode,
            mtime_ns=mtime_ns,
            attributes=child,
        )
    executable = found.kind == EXECUTABLE
    return Entry(
        kind="file",
        digest=found.reference.hex(),
        size=found.size,
        executable=executable,
        mode=mode | stat.S_IXUSR if executable else mode & ~stat.S_IXUSR,
        mtime_ns=mtime_ns,
    )


def _children(store: Store, folder: Entry | None, path: bytes) -> dict[bytes, Entry]:
    return {} if folder is None else children(store, folder, path)


def _is_folder(entry: Entry | None) -> bool:
    return entry is not None and entry.kind == "dir"


def _kind(before: Entry | None, after: Entry | None) -> Literal["added", "removed", "changed"]:
    if before is None:
        return "added"
    return "removed" if after is None else "changed"
