"""Read objects of a remote with few requests, and verify every byte."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from ithaca.errors import NotFound, StoreError
from ithaca.store.remotes.catalogue import chunk_length
from ithaca.store.remotes.layout import PACK_BYTES, PACKS, damaged, place
from ithaca.store.remotes.transfer import HEAVY, each
from ithaca.store.snapshots.blobs import hash_descriptor
from ithaca.store.snapshots.format import digest_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ithaca.store.base import Store
    from ithaca.store.remotes.catalogue import Catalogue, Location
    from ithaca.store.remotes.remote import Remote

_GAP = 512 << 10
"""Up to this many unneeded bytes are read to save a request."""

_AHEAD = 1 << 20
"""Trees of neighbouring folders are stored together: this many bytes are read ahead."""

_KEPT_SPANS = 32


class _Span(NamedTuple):
    """A range of a pack that is read with one request."""

    pack: str
    start: int
    end: int
    objects: tuple[tuple[str, Location], ...] = ()


class _Chunk(NamedTuple):
    """A chunk of a large object, and the file that it is written to."""

    digest: str
    at: Location
    number: int
    file: BinaryIO
    path: str


class Reader:
    """Reads the objects of a catalogue."""

    def __init__(self, remote: Remote, catalogue: Catalogue) -> None:
        self._remote = remote
        self._catalogue = catalogue
        self._kept: dict[_Span, bytes] = {}

    def structure(self, digests: Sequence[str]) -> dict[str, bytes]:
        """The bytes of trees and attributes.

        Raises:
            NotFound: The remote lacks one.
            Corrupt: One is damaged.
        """
        return {digest: self._small(digest) for digest in digests}

    def fetch(self, store: Store, digests: Iterable[str], done: Callable[[int, int], None]) -> None:
        """Copy objects to a store.

        Args:
            store: The destination.
            digests: The objects.
            done: Called with the number of objects and bytes of each part that has arrived.

        Raises:
            NotFound: The remote lacks one.
            Corrupt: One is damaged; it is not stored.
        """
        located = {digest: self.location(digest) for digest in digests}
        small = {digest: at for digest, at in located.items() if at.pack}
        for count, size in each(lambda span: self._unpack(store, span), _spans(small), HEAVY):
            done(count, size)
        large = [(digest, at) for digest, at in located.items() if not at.pack]
        with contextlib.ExitStack() as opened:
            pieces = each(self._chunk, _chunks(store, large, opened), HEAVY)
            # Stop the threads before the files are closed: a closed descriptor may be reused.
            with contextlib.closing(pieces):
                for chunk in pieces:
                    if chunk.number + 1 == len(chunk.at.chunks):
                        self._finish(store, chunk)
                        done(1, chunk.at.length)

    def location(self, digest: str) -> Location:
        """The location of an object.

        Raises:
            NotFound: No index lists it.
        """
        at = self._catalogue.places.get(digest)
        if at is None:
            raise NotFound(
                "ITH402",
                f"no index of the remote lists the object {digest}",
                cure="`ithaca snapshots verify --store URL` lists what is missing",
                where=self._remote.url,
            )
        return at

    def chunk(self, at: Location, number: int) -> bytes:
        """One chunk of a large object, verified."""
        name = at.chunks[number]
        data = self._part(name, 0, chunk_length(at, number), chunk_length(at, number))
        if digest_of(data) != name:
            raise damaged(f"the pack {name}", self._remote.url)
        return data

    def _small(self, digest: str) -> bytes:
        at = self.location(digest)
        if not at.pack:
            return b"".join(self.chunk(at, number) for number in range(len(at.chunks)))
        for span, data in self._kept.items():
            if span.pack == at.pack and span.start <= at.offset <= span.end - at.length:
                found = _cut(span, data, at)
                break
        else:
            end = min(max(at.offset + at.length, at.offset + _AHEAD), at.whole)
            span = _Span(at.pack, at.offset, end)
            data = self._range(span)
            while len(self._kept) >= _KEPT_SPANS:
                del self._kept[next(iter(self._kept))]
            self._kept[span] = data
            found = data[: at.length]
        self._check(digest, found)
        return found

    def _range(self, span: _Span) -> bytes:
        if span.end == span.start:
            return b""
        whole = self._catalogue.places[span.objects[0][0]].whole if span.objects else span.end
        return self._part(span.pack, span.start, span.end - span.start, whole)

    def _part(self, pack: str, start: int, length: int, whole: int) -> bytes:
        name = place(PACKS, pack)
        try:
            return self._remote.get_range(name, start, length)
        except NotFound:
            raise
        except StoreError:
            # Servers refuse a range beyond the end: the pack may be truncated.
            size = self._remote.size(name)
            if size is not None and size < whole:
                raise damaged(f"the pack {pack}", self._remote.url) from None
            raise

    def _unpack(self, store: Store, span: _Span) -> tuple[int, int]:
        data = self._range(span)
        size = 0
        for digest, at in span.objects:
            one = _cut(span, data, at)
            self._check(digest, one)
            store.put_object(one)
            size += len(one)
        return len(span.objects), size

    def _chunk(self, chunk: _Chunk) -> _Chunk:
        data = self.chunk(chunk.at, chunk.number)
        if data.count(0) != len(data):  # keep holes
            view, position = memoryview(data), chunk.number * PACK_BYTES
            while view:
                count = os.pwrite(chunk.file.fileno(), view, position)
                view, position = view[count:], position + count
        return chunk

    def _finish(self, store: Store, chunk: _Chunk) -> None:
        os.ftruncate(chunk.file.fileno(), chunk.at.length)
        if hash_descriptor(chunk.file.fileno()) != chunk.digest:
            raise damaged(f"the object {chunk.digest}", self._remote.url)
        store.publish_object(chunk.path, chunk.digest, chunk.at.length)
        chunk.file.close()

    def _check(self, digest: str, data: bytes) -> None:
        if digest_of(data) != digest:
            raise damaged(f"the object {digest}", self._remote.url)


def _cut(span: _Span, data: bytes, at: Location) -> bytes:
    start = at.offset - span.start
    return data[start : start + at.length]


def _spans(located: dict[str, Location]) -> Iterator[_Span]:
    """Ranges of packs that hold the objects; near objects share a range."""
    ordered = sorted(located.items(), key=lambda pair: (pair[1].pack, pair[1].offset))
    objects: list[tuple[str, Location]] = []
    pack, start, end = "", 0, 0
    for digest, at in ordered:
        if objects and (at.pack != pack or at.offset - end > _GAP):
            yield _Span(pack, start, end, tuple(objects))
            objects = []
        if not objects:
            pack, start, end = at.pack, at.offset, at.offset
        objects.append((digest, at))
        end = max(end, at.offset + at.length)
    if objects:
        yield _Span(pack, start, end, tuple(objects))


def _chunks(
    store: Store, large: list[tuple[str, Location]], opened: contextlib.ExitStack
) -> Iterator[_Chunk]:
    for digest, at in large:
        descriptor, path = store.temporary()
        opened.callback(Path(path).unlink, missing_ok=True)
        file = opened.enter_context(os.fdopen(descriptor, "r+b", buffering=0))
        for number in range(len(at.chunks)):
            yield _Chunk(digest, at, number, file, path)
