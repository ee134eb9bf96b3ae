"""Verify a store: the bytes of every digest, and every file of every snapshot."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ithaca.errors import IthacaError
from ithaca.store.naming import DAMAGED_FOLDER, DOCUMENTS, OBJECTS, SNAPSHOTS
from ithaca.store.snapshots.blobs import hash_descriptor
from ithaca.store.snapshots.model import Problem
from ithaca.store.snapshots.scan import opened
from ithaca.store.snapshots.walker import children, root_entry

if TYPE_CHECKING:
    from ithaca.store.base import Store
    from ithaca.store.snapshots.model import Entry, Suspect

_KINDS: dict[str, Suspect] = {OBJECTS: "object", DOCUMENTS: "document", SNAPSHOTS: "snapshot"}


def verify(store: Store, *, repair: bool = False) -> list[Problem]:
    """Verify every snapshot, tree, file and document. Temporary files are not a problem.

    Args:
        store: The store.
        repair: Move damaged files to `damaged/`, so that the next take or run writes them again.

    Returns:
        The problems, including those that were moved away; empty if there are none.

    Raises:
        StoreError: The store cannot be read.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> from ithaca.store import LocalStore
        >>> verify(LocalStore.open(Path(mkdtemp()) / "store"))
        []
    """
    checker = _Checker(store, repair=repair)
    checker.bytes_of(OBJECTS)
    checker.bytes_of(DOCUMENTS)
    for digest in store.digests(SNAPSHOTS):
        checker.snapshot(digest)
    return checker.problems


class _Checker:
    def __init__(self, store: Store, *, repair: bool) -> None:
        self._store = store
        self._repair = repair
        self._sizes: dict[str, int] = {}
        self._damaged: set[str] = set()
        self._seen: set[tuple[str, str]] = set()
        self.problems: list[Problem] = []

    def bytes_of(self, folder: str) -> None:
        """Verify the bytes of all objects or documents."""
        for digest in self._store.digests(folder):
            path = self._store.address(folder, digest)
            try:
                found, size = _hash(path)
            except OSError as error:
                self._bad(folder, digest, f"cannot be read: {error.strerror}")
                continue
            if found != digest:
                self._bad(folder, digest, "is damaged: its bytes do not match its digest")
            elif folder == OBJECTS:
                self._sizes[digest] = size

    def snapshot(self, digest: str) -> None:
        """Verify a snapshot's file, and that everything in the snapshot exists."""
        try:
            root = root_entry(self._store, digest)
        except IthacaError as error:
            self._bad(SNAPSHOTS, digest, error.message)
            return
        self._folder(root, b"", digest)

    def _folder(self, folder: Entry, path: bytes, snapshot: str) -> None:
        key = (folder.digest, folder.attributes)
        if key in self._seen:
            return
        self._seen.add(key)
        if not self._there(folder.digest, path, snapshot):
            return
        if folder.attributes and not self._there(folder.attributes, path, snapshot):
            return
        try:
            below = children(self._store, folder, path)
        except IthacaError as error:
            self._add("snapshot", snapshot, error.message)
            return
        for name, entry in below.items():
            inner = path + b"/" + name
            if entry.kind == "dir":
                self._folder(entry, inner, snapshot)
            elif entry.kind == "file" and self._there(entry.digest, inner, snapshot):
                self._check_size(entry, inner, snapshot)

    def _there(self, digest: str, path: bytes, snapshot: str) -> bool:
        if digest in self._sizes:
            return True
        state = "damaged" if digest in self._damaged else "missing"
        self._add("snapshot", snapshot, f"object {digest} of {_shown(path)} is {state}")
        return False

    def _check_size(self, entry: Entry, path: bytes, snapshot: str) -> None:
        size = self._sizes[entry.digest]
        if size != entry.size:
            self._add(
                "snapshot",
                snapshot,
                f"{_shown(path)} has {entry.size} bytes, but its object has {size}",
            )

    def _bad(self, folder: str, digest: str, message: str) -> None:
        self._damaged.add(digest)
        aside = ""
        if self._repair:
            path = self._store.address(folder, digest)
            target = self._store.path / DAMAGED_FOLDER / f"{folder}-{digest}"
            target.parent.mkdir(exist_ok=True)
            os.replace(path, target)
            aside = f"; moved to {DAMAGED_FOLDER}/{target.name}"
        self._add(_KINDS[folder], digest, message + aside)

    def _add(self, kind: Suspect, name: str, message: str) -> None:
        self.problems.append(Problem(kind=kind, name=name, message=message))


def _hash(path: str) -> tuple[str, int]:
    with opened(path, os.O_RDONLY | os.O_CLOEXEC) as descriptor:
        return hash_descriptor(descriptor), os.fstat(descriptor).st_size


def _shown(path: bytes) -> str:
    return path.lstrip(b"/").decode("utf-8", "surrogateescape") or "the root"
