"""Pull: copy to a store what it lacks; a snapshot is published after everything in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ithaca.errors import NotFound
from ithaca.store.naming import document_path
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
from ithaca.store.remotes.reader import Reader
from ithaca.store.remotes.transfer import LIGHT, Transfer, Transport, each
from ithaca.store.snapshots.format import SnapshotBody, decode_snapshot, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from ithaca.store.base import Store
    from ithaca.store.remotes.remote import Remote

_Result = TypeVar("_Result")


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
) -> Transfer:
    """Copy snapshots and documents to a store. Call it again after an interruption.

    Args:
        store: The destination; everything is verified before it is stored.
        remote: The source.
        snapshots: Digests.
        documents: Digests of documents.
        names: Names of documents, which are written last, in this order.
        partial: Skip the snapshots and documents that the remote lacks, and return them as
            `missing`.
        progress: Called with the number of objects and bytes so far.
        cache: A folder for the remote's indexes.

    Raises:
        NotFound: The remote lacks one of them, or a part of it.
        Corrupt: The remote's bytes are damaged (ITH424).
        StoreError: The remote cannot be reached, or the store cannot be written.
    """
    puller = _Puller(store, remote, progress, cache, partial=partial)
    return puller.transfer(snapshots, documents, names)


class _Puller(Transport):
    def __init__(
        self,
        store: Store,
        remote: Remote,
        progress: Callable[[int, int], None] | None,
        cache: Path | None,
        *,
        partial: bool,
    ) -> None:
        super().__init__(store, remote, progress)
        self._partial = partial
        self._catalogue = Catalogue(remote, cache)
        self._reader = Reader(remote, self._catalogue)

    def snapshots(self, digests: list[str]) -> int:
        """Pull whole snapshots; returns how many the store lacked."""
        here = Closure(lambda names: {one: self._store.get_object(one) for one in names})
        missing = [one for one in digests if not self._whole(here, one)]
        found = dict(self._available(self._snapshot, missing))
        self._catalogue.read(
            index.hex() for snapshot, _ in found.values() for index in snapshot.indexes
        )
        closure = Closure(self._load)
        for _, body in found.values():
            closure.add(body)
        self._files(closure.files)
        for digest, (snapshot, _) in found.items():
            self._store.add_snapshot(digest, snapshot.file)
        return len(found)

    def documents(self, digests: list[str]) -> int:
        """Pull documents by digest; returns how many the store lacked."""
        missing = [digest for digest in digests if not self._has_document(digest)]
        found = 0
        for _, data in self._available(self._document, missing):
            self._store.put(data)
            found += 1
        return found

    def names(self, names: list[str]) -> int:
        """Pull documents by name; returns how many the store lacked."""
        missing = [name for name in names if not self._store.exists(name)]
        fetched = each(lambda name: self._remote.get(document_path(name)), missing, LIGHT)
        for name, data in zip(missing, fetched, strict=True):
            self._store.create(name, data)
        return len(missing)

    def _available(
        self, fetch: Callable[[str], _Result], digests: list[str]
    ) -> Iterator[tuple[str, _Result]]:
        """Each digest with its data; what the remote lacks is added to `missing` if allowed."""

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
        """Whether the store has every part of a snapshot; `verify --repair` may remove parts."""
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
        """Trees and attributes, pulled if the store lacks them."""
        found, missing = {}, []
        for digest in digests:
            try:
                found[digest] = self._store.get_object(digest)
            except NotFound:
                missing.append(digest)
        for digest, data in self._reader.structure(missing).items():
            self._store.put_object(data)
            self.count(1, len(data))
            found[digest] = data
        return found

    def _files(self, files: dict[str, int]) -> None:
        missing = [one for one, size in files.items() if not self._store.has_object(one, size)]
        for digest in missing:
            if self._reader.location(digest).length != files[digest]:
                raise damaged(f"a tree with the object {digest}", self._remote.url)
        self._reader.fetch(self._store, missing, self.count)

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
