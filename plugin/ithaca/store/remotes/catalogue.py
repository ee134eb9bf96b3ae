"""The location of each object on a remote, read from its indexes."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from ithaca.errors import Corrupt
from ithaca.store.remotes.layout import (
    PACK_BYTES,
    Chunked,
    Index,
    Pack,
    Placed,
    decode_index,
    index_place,
)
from ithaca.store.remotes.transfer import LIGHT, each
from ithaca.store.snapshots.blobs import replace_file

if TYPE_CHECKING:
    from collections.abc import Container, Iterable
    from pathlib import Path

    from ithaca.store.remotes.remote import Remote


class Location(NamedTuple):
    """Where an object is.

    Attributes:
        listed_by: Number of the index that lists it.
        length: Bytes of the object.
        pack: The pack that holds it; empty for a large object.
        offset: Its offset in the pack.
        whole: Bytes of the pack.
        chunks: The packs of a large object, in order.
    """

    listed_by: int
    length: int
    pack: str = ""
    offset: int = 0
    whole: int = 0
    chunks: tuple[str, ...] = ()


class Catalogue:
    """The content of some indexes of a remote.

    Attributes:
        indexes: Digests of the indexes, by number.
        places: Digest of an object to its location, according to the first index that lists it.
    """

    def __init__(self, remote: Remote, cache: Path | None = None) -> None:
        """Create an empty catalogue.

        Args:
            remote: The remote.
            cache: A folder for indexes, which never change.
        """
        self._remote = remote
        self._cache = cache
        self.indexes: list[str] = []
        self.places: dict[str, Location] = {}

    def read(self, digests: Iterable[str], wanted: Container[str] | None = None) -> None:
        """Read indexes.

        Args:
            digests: The indexes.
            wanted: The objects to keep; None for all.

        Raises:
            NotFound: The remote has no such index.
            Corrupt: One is damaged.
        """
        known = set(self.indexes)
        new = [digest for digest in dict.fromkeys(digests) if digest not in known]
        for digest, index in zip(new, each(self._index, new, LIGHT), strict=True):
            self.add(digest, index, wanted)

    def add(self, digest: str, index: Index, wanted: Container[str] | None = None) -> None:
        """Add the content of an index."""
        number = len(self.indexes)
        self.indexes.append(digest)
        for pack in index.packs:
            name = pack.digest.hex()
            for one in pack.objects:
                if wanted is None or one.digest.hex() in wanted:
                    at = Location(number, one.length, name, one.offset, pack.length)
                    self.places.setdefault(one.digest.hex(), at)
        for large in index.chunked:
            if wanted is None or large.digest.hex() in wanted:
                chunks = tuple(chunk.hex() for chunk in large.chunks)
                at = Location(number, large.length, chunks=chunks)
                self.places.setdefault(large.digest.hex(), at)

    def combine(self, objects: Iterable[str]) -> Index:
        """One index for objects that several indexes list."""
        packs: dict[tuple[str, int], list[Placed]] = {}
        chunked = []
        for digest in objects:
            at, name = self.places[digest], bytes.fromhex(digest)
            if at.chunks or not at.pack:
                chunks = [bytes.fromhex(chunk) for chunk in at.chunks]
                chunked.append(Chunked(name, at.length, chunks))
            else:
                placed = Placed(name, at.offset, at.length)
                packs.setdefault((at.pack, at.whole), []).append(placed)
        found = [Pack(bytes.fromhex(name), length, rows) for (name, length), rows in packs.items()]
        return Index(found, chunked)

    def _index(self, digest: str) -> Index:
        kept = self._cache / digest if self._cache else None
        if kept is not None:
            try:
                return decode_index(kept.read_bytes(), digest, self._remote.url)
            except (OSError, Corrupt):
                pass  # missing or truncated: read the remote's
        data = self._remote.get(index_place(digest))
        index = decode_index(data, digest, self._remote.url)
        if kept is not None:
            with contextlib.suppress(OSError):  # read from the remote again next time
                replace_file(kept, data)
        return index


def chunk_length(at: Location, number: int) -> int:
    """Bytes of one chunk of a large object."""
    return min(PACK_BYTES, at.length - number * PACK_BYTES)
