"""Make a snapshot from another one by changing some of its paths."""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING

import msgspec

from ithaca.store.snapshots.format import (
    Attributes,
    SnapshotBody,
    encode_attributes,
    encode_snapshot,
    encode_tree,
)
from ithaca.store.snapshots.model import Entry
from ithaca.store.snapshots.walker import children, tree_entry, walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.store.base import Store


@dataclasses.dataclass(slots=True)
class _Edit:
    """The change of one path: none (only paths below change), an entry, or removal."""

    given: bool = False
    entry: Entry | None = None
    below: dict[bytes, _Edit] = dataclasses.field(default_factory=dict)


def edit(store: Store, root: Entry, edits: Mapping[bytes, Entry | None]) -> str:
    """Store the result of editing a snapshot.

    Args:
        store: The destination.
        root: The root of the snapshot.
        edits: Path to its new entry, or None to remove it. A folder keeps its content, or starts
            empty: each path in it is an edit of its own.

    Returns:
        Digest of the new snapshot.

    Raises:
        StoreError: The store cannot be written.
    """
    top = _Edit()
    for path, entry in edits.items():
        place = top
        for name in path.split(b"/"):
            place = place.below.setdefault(name, _Edit())
        place.given, place.entry = True, entry
    result = _folder(store, root, top)
    sizes = [entry.size for _, entry in walk(store, result) if entry.kind == "file"]
    return publish(store, result, len(sizes), sum(sizes))


def publish(store: Store, root: Entry, files: int, total: int) -> str:
    """Publish the snapshot of a root whose trees are stored; returns its digest.

    Args:
        store: The destination.
        root: The root.
        files: How many files it holds.
        total: Total size of the files.
    """
    body = SnapshotBody(
        tree=bytes.fromhex(root.digest),
        attributes=bytes.fromhex(root.attributes) or None,
        files=files,
        total=total,
        created=time.time(),
    )
    store.add_snapshot(root.digest, encode_snapshot(body))
    return root.digest


def store_folder(store: Store, entries: Mapping[bytes, Entry], like: Entry) -> Entry:
    """Store a folder's tree and attributes.

    Args:
        store: The destination.
        entries: Name to entry.
        like: A folder from which mode and time are copied.
    """
    ordered = sorted(entries.items())
    tree = store.put_object(encode_tree([tree_entry(name, entry) for name, entry in ordered]))
    rows = [
        Attributes(entry.mode, entry.mtime_ns, bytes.fromhex(entry.attributes) or None)
        for _, entry in ordered
    ]
    attributes = store.put_object(encode_attributes(rows))
    return Entry(
        kind="dir", digest=tree, attributes=attributes, mode=like.mode, mtime_ns=like.mtime_ns
    )


def _folder(store: Store, folder: Entry, change: _Edit) -> Entry:
    entries = dict(children(store, folder)) if folder.digest else {}
    for name, inner in change.below.items():
        found = _changed(store, entries.get(name), inner)
        if found is None:
            entries.pop(name, None)
        else:
            entries[name] = found
    return store_folder(store, entries, folder)


def _changed(store: Store, found: Entry | None, change: _Edit) -> Entry | None:
    wanted = change.entry if change.given else found
    if wanted is None or wanted.kind != "dir":
        return wanted
    old = found if found is not None and found.kind == "dir" else Entry(kind="dir")
    base = msgspec.structs.replace(wanted, digest=old.digest, attributes=old.attributes)
    return _folder(store, base, change) if change.below or not old.digest else base
