"""Verify a remote: the bytes of every name, and every object of every snapshot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blake3 import blake3

from ithaca.errors import Corrupt, IthacaError, NotFound
from ithaca.store.remotes.catalogue import Catalogue
from ithaca.store.remotes.closure import Closure
from ithaca.store.remotes.layout import (
    DOCUMENTS,
    INDEXES,
    PACKS,
    SNAPSHOTS,
    Index,
    decode_index,
    decode_remote_snapshot,
    index_place,
    place,
)
from ithaca.store.remotes.reader import Reader
from ithaca.store.remotes.remote import list_documents, list_snapshots
from ithaca.store.remotes.transfer import HEAVY, LIGHT, each
from ithaca.store.snapshots.format import digest_of
from ithaca.store.snapshots.model import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.store.remotes.remote import Remote
    from ithaca.store.snapshots.model import Suspect


def verify(remote: Remote, *, progress: Callable[[int, int], None] | None = None) -> list[Problem]:
    """Read a whole remote and verify it.

    Args:
        remote: The remote.
        progress: Called with the number of packs and bytes so far.

    Returns:
        The problems; empty if there are none.

    Raises:
        StoreError: The remote cannot be reached.

    Example:
        >>> from tempfile import mkdtemp
        >>> from ithaca.store.remotes import Remote
        >>> verify(Remote.open(f"file://{mkdtemp()}", create=True))
        []
    """
    checker = _Checker(remote, progress)
    checker.indexes()
    checker.packs()
    checker.large_objects()
    checker.documents()
    for digest in list_snapshots(remote):
        checker.snapshot(digest)
    return checker.problems


class _Checker:
    def __init__(self, remote: Remote, progress: Callable[[int, int], None] | None) -> None:
        self._remote = remote
        self._progress = progress
        self._catalogue = Catalogue(remote)
        self._reader = Reader(remote, self._catalogue)
        self._indexes: dict[str, Index] = {}
        self._objects: dict[str, int] = {}
        self._closure = Closure(self._reader.structure)
        self.problems: list[Problem] = []

    def indexes(self) -> None:
        """Read all indexes."""
        names = sorted(one.name.rpartition("/")[2] for one in self._remote.list(INDEXES))
        for name, index in zip(names, each(self._index, names, LIGHT), strict=True):
            if isinstance(index, IthacaError):
                self._add("index", name, index.message)
            else:
                self._indexes[name] = index
                self._catalogue.add(name, index)

    def packs(self) -> None:
        """Read all packs and compare them with the indexes."""
        rows: dict[str, dict[bytes, tuple[int, int]]] = {}
        for index in self._indexes.values():
            for pack in index.packs:
                found = rows.setdefault(pack.digest.hex(), {})
                found.update({one.digest: (one.offset, one.length) for one in pack.objects})
            for large in index.chunked:
                for chunk in large.chunks:
                    rows.setdefault(chunk.hex(), {})
        names = {"".join(one.name.split("/")[-2:]) for one in self._remote.list(PACKS)}
        done = total = 0
        for name in sorted(rows.keys() - names):
            self._add("pack", name, "is missing")
        here = [(name, rows.get(name, {})) for name in sorted(names)]
        for name, size, bad, good in each(self._pack, here, HEAVY):
            if bad:
                self._add("pack", name, bad)
            self._objects.update(good)
            done, total = done + 1, total + size
            if self._progress is not None:
                self._progress(done, total)

    def large_objects(self) -> None:
        """Read large objects, chunk by chunk."""
        for digest, at in list(self._catalogue.places.items()):
            if at.pack:
                continue
            hasher = blake3()
            try:
                for number in range(len(at.chunks)):
                    hasher.update(self._reader.chunk(at, number))
            except (NotFound, Corrupt):
                continue  # `packs` reports it
            if hasher.hexdigest() == digest:
                self._objects[digest] = at.length
            else:
                self._add("object", digest, "is damaged: its bytes do not match its digest")

    def documents(self) -> None:
        """Read all documents that are named by their digest."""
        names = list_documents(self._remote)
        found = each(lambda one: digest_of(self._remote.get(place(DOCUMENTS, one))), names, LIGHT)
        for name, digest in zip(names, found, strict=True):
            if digest != name:
                self._add("document", name, "is damaged: its bytes do not match its digest")

    def snapshot(self, digest: str) -> None:
        """Verify a snapshot, and that its own indexes list all of its objects."""
        try:
            data = self._remote.get(place(SNAPSHOTS, digest))
            found, body = decode_remote_snapshot(data, digest, self._remote.url)
            indexes = [
                self._indexes[one.hex()] for one in found.indexes if one.hex() in self._indexes
            ]
            root = self._closure.add(body)
        except IthacaError as error:
            self._add("snapshot", digest, error.message)
            return
        own = {one.digest for index in indexes for pack in index.packs for one in pack.objects}
        own.update(large.digest for index in indexes for large in index.chunked)
        sizes = {**self._closure.structure, **self._closure.files}
        for name in self._closure.objects(root):
            if name not in self._objects or bytes.fromhex(name) not in own:
                self._add("snapshot", digest, f"object {name} is missing or damaged")
            elif self._objects[name] != sizes[name]:
                self._add("snapshot", digest, f"object {name} has another size than in its tree")

    def _index(self, digest: str) -> Index | IthacaError:
        try:
            return decode_index(self._remote.get(index_place(digest)), digest, self._remote.url)
        except Corrupt as error:
            return error

    def _pack(
        self, pack: tuple[str, dict[bytes, tuple[int, int]]]
    ) -> tuple[str, int, str, dict[str, int]]:
        """A pack's name and size, its problem or "", and the sizes of its intact objects."""
        name, rows = pack
        data = memoryview(self._remote.get(place(PACKS, name)))
        bad = ""
        if blake3(data).hexdigest() != name:
            bad = "is damaged: its bytes do not match its digest"
        good = {}
        for digest, (offset, length) in rows.items():
            if blake3(data[offset : offset + length]).digest() == digest:
                good[digest.hex()] = length
            else:
                bad = bad or f"does not hold the object {digest.hex()} at the offset in its index"
        return name, len(data), bad, good

    def _add(self, kind: Suspect, name: str, what: str) -> None:
        self.problems.append(Problem(kind=kind, name=name, message=what))
