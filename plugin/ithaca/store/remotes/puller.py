"""Pulling: what the local store lacks; a snapshot is published when all that it reaches is."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from ithaca.errors import NotFound
from ithaca.store.remotes.catalogue import Catalogue
from ithaca.store.remotes.closure import Closure
from ithaca.store.remotes.layout import (
    DOCUMENTS,
    SNAPSHOTS,
    RemoteSnapshot,
    damaged,
    decode_remote_snapshot,
    place,
)
from ithaca.store.remotes.names import document_place
from ithaca.store.remotes.reader import Reader
from ithaca.store.remotes.streams import LIGHT, each
from ithaca.store.snapshots.format import SnapshotBody, decode_snapshot, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from ithaca.store.local import Store
    from ithaca.store.remotes.remote import Remote

_Result = TypeVar("_Result")


class Pulled(msgspec.Struct, frozen=True, kw_only=True):
    """What a pull did.

    Attributes:
        snapshots: How many the store lacked.
        objects: How many objects it lacked.
        bytes: Their bytes.
        documents: How many documents it lacked.
        missing: Digests of what the remote lacks, too.
    """

    snapshots: int = 0
    objects: int = 0
    bytes: int = 0
    documents: int = 0
    missing: tuple[str, ...] = ()


def pull(
    store: Store,
    remote: Remote,
    snapshots: Iterable[str] = (),
    *,
    documents: Iterable[str] = (),
    names: Iterable[str] = (),
    partial: bool = False,
    progress: Callable[[int, int], None] | None = None,
    cache: Path | None = None,
) -> Pulled:
    """Fetch what the store lacks of some snapshots and documents. Repeat it when interrupted.

    Args:
        store: Where they go to; nothing enters it unchecked.
        remote: Where they are.
        snapshots: Digests.
        documents: Digests of documents.
        names: Names of documents, which are written last, in this order.
        partial: Leave out the snapshots and documents that the remote lacks, and say which.
        progress: Called with the objects and bytes done so far.
        cache: A folder for what is known of the remote.

    Raises:
        NotFound: The remote lacks one of them, or a part of it.
        Corrupt: The remote's bytes are damaged (ITH424).
        StoreError: The remote cannot be reached, or the store cannot be written.
    """
    puller = _Puller(store, remote, progress, cache, partial=partial)
    fetched = puller.snapshots(list(dict.fromkeys(snapshots)))
    count = puller.documents(list(dict.fromkeys(documents)))
    count += puller.names(list(dict.fromkeys(names)))
    return Pulled(
        snapshots=fetched,
        objects=puller.objects,
        bytes=puller.bytes,
        documents=count,
        missing=tuple(puller.missing),
    )


class _Puller:
    def __init__(
        self,
        store: Store,
        remote: Remote,
        progress: Callable[[int, int], None] | None,
        cache: Path | None,
        *,
        partial: bool,
    ) -> None:
        self._partial = partial
        self._store = store
        self._remote = remote
        self._progress = progress
        self._catalogue = Catalogue(remote, cache)
        self._reader = Reader(remote, self._catalogue)
        self.objects = self.bytes = 0
        self.missing: list[str] = []

    def snapshots(self, digests: list[str]) -> int:
        """Fetch snapshots with all that they reach; how many the store lacked."""
        here = Closure(lambda names: {one: self._store.get_object(one) for one in names})
        missing = [one for one in digests if not self._whole(here, one)]
        found = dict(self._there(self._snapshot, missing))
        told = (index.hex() for snapshot, _ in found.values() for index in snapshot.indexes)
        self._catalogue.read(told)
        closure = Closure(self._load)
        for _, body in found.values():
            closure.add(body)
        self._files(closure.files)
        for digest, (snapshot, _) in found.items():
            self._store.add_snapshot(digest, snapshot.file)
        return len(found)

    def documents(self, digests: list[str]) -> int:
        """Fetch documents by digest; how many the store lacked."""
        missing = [digest for digest in digests if not self._has_document(digest)]
        found = 0
        for _, data in self._there(self._document, missing):
            self._store.put(data)
            found += 1
        return found

    def names(self, names: list[str]) -> int:
        """Fetch documents by name; how many the store lacked."""
        missing = [name for name in names if not self._store.exists(name)]
        fetched = each(lambda name: self._remote.get(document_place(name)), missing, LIGHT)
        for name, data in zip(missing, fetched, strict=True):
            self._store.create(name, data)
        return len(missing)

    def _there(
        self, fetch: Callable[[str], _Result], digests: list[str]
    ) -> Iterator[tuple[str, _Result]]:
        """What is fetched; what the remote lacks is noted, where that is allowed."""

        def attempt(digest: str) -> _Result | None:
            try:
                return fetch(digest)
            except NotFound:
                if not self._partial:
                    raise
                return None

        for digest, result in zip(digests, each(attempt, digests, LIGHT), strict=True):
            if result is None:
                self.missing.append(digest)
            else:
                yield digest, result

    def _whole(self, here: Closure, digest: str) -> bool:
        """Whether the store has all of a snapshot; a part may have been set aside as damaged."""
        try:
            here.files.clear()
            here.add(decode_snapshot(self._store.get_snapshot(digest), digest))
        except NotFound:
            return False
        return all(self._store.has_object(one, size) for one, size in here.files.items())

    def _snapshot(self, digest: str) -> tuple[RemoteSnapshot, SnapshotBody]:
        data = self._remote.get(place(SNAPSHOTS, digest))
        return decode_remote_snapshot(data, digest, self._remote.url)

    def _load(self, digests: Sequence[str]) -> dict[str, bytes]:
        """Trees and attributes, from the store or else from the remote into the store."""
        found, missing = {}, []
        for digest in digests:
            try:
                found[digest] = self._store.get_object(digest)
            except NotFound:
                missing.append(digest)
        for digest, data in self._reader.structure(missing).items():
            self._store.put_object(data)
            self._done(1, len(data))
            found[digest] = data
        return found

    def _files(self, files: dict[str, int]) -> None:
        missing = [one for one, size in files.items() if not self._store.has_object(one, size)]
        for digest in missing:
            if self._reader.location(digest).length != files[digest]:
                raise damaged(f"a tree that names the object {digest}", self._remote.url)
        self._reader.fetch(self._store, missing, self._done)

    def _has_document(self, digest: str) -> bool:
        try:
            self._store.get(digest)
        except NotFound:
            return False
        return True

    def _document(self, digest: str) -> bytes:
        data = self._remote.get(place(DOCUMENTS, digest))
        if digest_of(data) != digest:
            raise damaged(f"the document {digest}", self._remote.url)
        return data

    def _done(self, count: int, size: int) -> None:
        self.objects += count
        self.bytes += size
        if self._progress is not None:
            self._progress(self.objects, self.bytes)
