"""Pack objects for a remote: small ones into packs, large ones into chunks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from ithaca.store.base import damaged
from ithaca.store.remotes.layout import PACK_BYTES, SMALL, Placed
from ithaca.store.snapshots.format import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ithaca.store.base import Store


class Parcel(NamedTuple):
    """The content of one request.

    Attributes:
        digest: Digest of the bytes: the pack's name.
        data: The bytes.
        objects: The objects in a pack of small ones.
        large: The large object that this chunk belongs to; empty for a pack of small ones.
        size: Bytes of the large object.
        last: Whether this is its last chunk.
    """

    digest: str
    data: bytes
    objects: tuple[Placed, ...] = ()
    large: str = ""
    size: int = 0
    last: bool = False


def parcels(store: Store, objects: Iterable[tuple[str, int]]) -> Iterator[Parcel]:
    """Pack objects in order; the same objects make the same packs.

    Args:
        store: The store that holds them.
        objects: Digest and size of each.

    Raises:
        NotFound: The store lacks one.
        Corrupt: The store's bytes are damaged; the object is not sent.
    """
    rows: list[Placed] = []
    parts: list[bytes] = []
    length = 0
    large = []
    for digest, size in objects:
        if size > SMALL:
            large.append((digest, size))
            continue
        data = store.get_object(digest)
        if rows and length + len(data) > PACK_BYTES:
            yield _pack(rows, parts)
            rows, parts, length = [], [], 0
        rows.append(Placed(bytes.fromhex(digest), length, len(data)))
        parts.append(data)
        length += len(data)
    if rows:
        yield _pack(rows, parts)
    for digest, size in large:
        yield from _chunks(store, digest, size)


def _pack(rows: list[Placed], parts: list[bytes]) -> Parcel:
    data = b"".join(parts)
    return Parcel(digest_of(data), data, tuple(rows))


def _chunks(store: Store, digest: str, size: int) -> Iterator[Parcel]:
    with store.open_object(digest) as file:
        if os.fstat(file.fileno()).st_size != size:
            raise damaged(digest)
        hasher = blake3(max_threads=blake3.AUTO)
        for start in range(0, size, PACK_BYTES):
            data = file.read(PACK_BYTES)
            hasher.update(data)
            last = start + PACK_BYTES >= size
            if last and hasher.hexdigest() != digest:
                raise damaged(digest)
            yield Parcel(digest_of(data), data, large=digest, size=size, last=last)
