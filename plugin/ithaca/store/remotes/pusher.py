"""Push: send a remote what it lacks; a snapshot is published after everything in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.store.naming import document_path
from ithaca.store.remotes.catalogue import Catalogue
from ithaca.store.remotes.closure import Closure, Folder
from ithaca.store.remotes.layout import (
    DOCUMENTS,
    INDEXES,
    PACKS,
    SNAPSHOTS,
    Chunked,
    Index,
    Pack,
    encode_index,
    encode_remote_snapshot,
    index_place,
    place,
)
from ithaca.store.remotes.packer import parcels
from ithaca.store.remotes.remote import documents_below
from ithaca.store.remotes.transfer import HEAVY, LIGHT, Transfer, Transport, each
from ithaca.store.snapshots.format import decode_snapshot, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from ithaca.store.base import Store
    from ithaca.store.remotes.packer import Parcel
    from ithaca.store.remotes.remote import Remote

_INDEX_AFTER = 256 << 20
"""An index is published after this many bytes, so that an interrupted push can continue there."""

_MOST_INDEXES_READ = 1000
"""Only the newest indexes are read; objects that only older ones list are sent again."""

_MOST_INDEXES_NAMED = 64
"""A snapshot that needs more indexes gets one of its own."""


def push(
    store: Store,
    remote: Remote,
    snapshots: Iterable[str] = (),
    *,
    documents: Iterable[str] = (),
    names: Iterable[str] = (),
    progress: Callable[[int, int], None] | None = None,
    cache: Path | None = None,
) -> Transfer:
    """Send snapshots and documents to a remote. Call it again after an interruption.

    Args:
        store: The source.
        remote: The destination.
        snapshots: Digests.
        documents: Digests of documents.
        names: Names of documents, which are sent last; existing ones stay unchanged.
        progress: Called with the number of objects and bytes so far.
        cache: A folder for the remote's indexes.

    Raises:
        NotFound: The store lacks one of them, or a part of it.
        Corrupt: The store's bytes are damaged.
        StoreError: The remote cannot be reached or written.
    """
    return _Pusher(store, remote, progress, cache).transfer(snapshots, documents, names)


class _Pusher(Transport):
    def __init__(
        self,
        store: Store,
        remote: Remote,
        progress: Callable[[int, int], None] | None,
        cache: Path | None,
    ) -> None:
        super().__init__(store, remote, progress)
        self._catalogue = Catalogue(remote, cache)
        self._pending = Index()
        self._pending_bytes = 0
        self._chunks: list[bytes] = []

    def snapshots(self, digests: list[str]) -> int:
        """Push whole snapshots; returns how many the remote lacked."""
        there = each(lambda one: self._remote.exists(place(SNAPSHOTS, one)), digests, LIGHT)
        missing = [one for one, known in zip(digests, there, strict=True) if not known]
        if not missing:
            return 0
        closure = Closure(self._load)
        files = {digest: self._store.get_snapshot(digest) for digest in missing}
        roots = {one: closure.add(decode_snapshot(data, one)) for one, data in files.items()}
        wanted = {**closure.structure, **closure.files}
        self._catalogue.read(self._indexes(), wanted)
        self._send([pair for pair in wanted.items() if pair[0] not in self._catalogue.places])
        masks: dict[Folder, int] = {}
        ready = [(one, files[one], self._named(closure, roots[one], masks)) for one in missing]
        return sum(each(self._publish, ready, LIGHT))

    def documents(self, digests: list[str]) -> int:
        """Push documents by digest; returns how many the remote lacked."""
        return sum(each(self._document, digests, LIGHT))

    def names(self, names: list[str]) -> int:
        """Push documents by name; returns how many the remote lacked."""
        runs = {"/".join(name.split("/")[:2]) for name in names if name.count("/") > 1}
        listed = {name for run in runs for name in documents_below(self._remote, run)}
        missing = [name for name in names if name not in listed]
        return sum(each(self._name, missing, LIGHT))

    def _load(self, digests: Sequence[str]) -> dict[str, bytes]:
        return {digest: self._store.get_object(digest) for digest in digests}

    def _indexes(self) -> list[str]:
        found = sorted(self._remote.list(INDEXES), key=lambda one: (-one.changed, one.name))
        newest = found[:_MOST_INDEXES_READ]
        # The largest first, so that a snapshot needs few indexes.
        newest.sort(key=lambda one: (-one.size, one.name))
        return [one.name.rpartition("/")[2] for one in newest]

    def _send(self, objects: list[tuple[str, int]]) -> None:
        for parcel in each(self._upload, parcels(self._store, objects), HEAVY):
            self._note(parcel)
            if self._pending_bytes >= _INDEX_AFTER:
                self._publish_index()
        self._publish_index()

    def _upload(self, parcel: Parcel) -> Parcel:
        """Send a pack, unless it is there from an interrupted push or another writer."""
        name = place(PACKS, parcel.digest)
        size = self._remote.size(name)
        if size is None:
            self._remote.create(name, parcel.data)
        elif size != len(parcel.data):
            self._remote.overwrite(name, parcel.data)
        return parcel._replace(data=b"") if parcel.large else parcel

    def _note(self, parcel: Parcel) -> None:
        """Add what was sent to the next index."""
        digest = bytes.fromhex(parcel.digest)
        if parcel.large:
            self._chunks.append(digest)
            if not parcel.last:
                return
            large = Chunked(bytes.fromhex(parcel.large), parcel.size, self._chunks)
            self._pending.chunked.append(large)
            self._chunks = []
            count, size = 1, parcel.size
        else:
            count, size = len(parcel.objects), len(parcel.data)
            self._pending.packs.append(Pack(digest, size, list(parcel.objects)))
        self._pending_bytes += size
        self.count(count, size)

    def _publish_index(self) -> None:
        if not self._pending.packs and not self._pending.chunked:
            return
        self._add_index(self._pending)
        self._pending, self._pending_bytes = Index(), 0

    def _add_index(self, index: Index) -> str:
        data = encode_index(index)
        digest = digest_of(data)
        self._remote.create(index_place(digest), data)
        self._catalogue.add(digest, index)
        return digest

    def _named(self, closure: Closure, root: Folder, masks: dict[Folder, int]) -> list[str]:
        """The indexes that locate all objects of a snapshot."""
        places, indexes = self._catalogue.places, self._catalogue.indexes
        mask = closure.masks(root, lambda digest: 1 << places[digest].listed_by, masks)
        named = [digest for number, digest in enumerate(indexes) if mask >> number & 1]
        if len(named) > _MOST_INDEXES_NAMED:
            return [self._add_index(self._catalogue.combine(closure.objects(root)))]
        return named

    def _publish(self, snapshot: tuple[str, bytes, list[str]]) -> bool:
        digest, file, indexes = snapshot
        data = encode_remote_snapshot(file, indexes)
        return self._remote.create(place(SNAPSHOTS, digest), data)

    def _document(self, digest: str) -> bool:
        name = place(DOCUMENTS, digest)
        if self._remote.exists(name):
            return False
        return self._remote.create(name, self._store.get(digest))

    def _name(self, name: str) -> bool:
        path = document_path(name)
        if name.count("/") == 1 and self._remote.exists(path):
            return False
        return self._remote.create(path, self._store.read(name))
