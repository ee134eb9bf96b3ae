"""Where objects lie on a remote, as its indexes tell."""

from __future__ import annotations

import os
from pathlib import Path
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
from ithaca.store.remotes.streams import LIGHT, each

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from ithaca.store.remotes.remote import Remote


class Location(NamedTuple):
    """Where an object lies.

    Attributes:
        told_by: Number of the index that says so.
        length: Bytes of the object.
        pack: The pack that holds it; of a large object empty.
        offset: Where it begins there.
        whole: Bytes of the pack.
        chunks: The packs of a large object, in order.
    """

    told_by: int
    length: int
    pack: str = ""
    offset: int = 0
    whole: int = 0
    chunks: tuple[str, ...] = ()


class Catalogue:
    """What some indexes of a remote say.

    Attributes:
        indexes: Digests of the indexes, by number.
        places: Digest of an object to where it lies; the first index that tells counts.
    """

    def __init__(self, remote: Remote, cache: Path | None = None) -> None:
        """Begin with no index.

        Args:
            remote: Whose.
            cache: A folder for indexes that were read, which never change.
        """
        self._remote = remote
        self._cache = cache
        self.indexes: list[str] = []
        self.places: dict[str, Location] = {}

    def read(self, digests: Iterable[str], wanted: Container[str] | None = None) -> None:
        """Read indexes, and keep what they say.

        Args:
            digests: The indexes.
            wanted: The objects that matter; None for all.

        Raises:
            NotFound: The remote has no such index.
            Corrupt: One is damaged.
        """
        known = set(self.indexes)
        new = [digest for digest in dict.fromkeys(digests) if digest not in known]
        for digest, index in zip(new, each(self._index, new, LIGHT), strict=True):
            self.add(digest, index, wanted)

    def add(self, digest: str, index: Index, wanted: Container[str] | None = None) -> None:
        """Keep what an index says."""
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

    def together(self, objects: Iterable[str]) -> Index:
        """One index for objects that are known from many."""
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
                pass  # not yet there, or cut short: the remote's counts
        data = self._remote.get(index_place(digest))
        index = decode_index(data, digest, self._remote.url)
        if kept is not None:
            _keep(kept, data)
        return index


def chunk_length(at: Location, number: int) -> int:
    """Bytes of one chunk of a large object."""
    return min(PACK_BYTES, at.length - number * PACK_BYTES)


def _keep(path: Path, data: bytes) -> None:
    """Keep what is only a convenience; a full disk is somebody else's to tell."""
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
