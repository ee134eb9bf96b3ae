"""The bytes of a remote; `docs/store-format.md` is the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ithaca.errors import Corrupt
from ithaca.store.snapshots.format import (
    DIGEST_BYTES,
    Document,
    decode_document,
    decode_snapshot,
    digest_of,
    seal,
    unseal,
)
from ithaca.store.version import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.store.snapshots.format import Body, SnapshotBody

VERSION = 1
INDEX, SNAPSHOT = "ithaca.index", "ithaca.remote-snapshot"
PACKS, INDEXES, SNAPSHOTS, DOCUMENTS = "packs", "indexes", "snapshots", "documents"

PACK_BYTES = 16 << 20
"""Maximum size of a pack, and of a chunk of a large object."""

SMALL = 4 << 20
"""Objects up to this size share packs; each chunk of a larger one is a pack of its own."""

TAMPERED = (
    "`ithaca snapshots verify --store URL` lists what is damaged; push again from a machine with "
    "an intact store, to another prefix"
)


class Placed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The location of an object in a pack.

    Attributes:
        digest: The object.
        offset: Its offset.
        length: Its size.
    """

    digest: bytes
    offset: int
    length: int


class Pack(msgspec.Struct, array_like=True, frozen=True):
    """The content of a pack according to an index.

    Attributes:
        digest: Digest of the pack's bytes: its name.
        length: Its size.
        objects: Its objects.
    """

    digest: bytes
    length: int
    objects: list[Placed]


class Chunked(msgspec.Struct, array_like=True, frozen=True):
    """A large object.

    Attributes:
        digest: The object.
        length: Its size.
        chunks: The packs that hold its bytes in order, each of `PACK_BYTES` except the last one.
    """

    digest: bytes
    length: int
    chunks: list[bytes]


class Index(msgspec.Struct, array_like=True, frozen=True):
    """The content of some packs."""

    packs: list[Pack] = []
    chunked: list[Chunked] = []


class RemoteSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """A snapshot of a remote.

    Attributes:
        file: The bytes of the snapshot's file, as in a local store.
        indexes: Digests of the indexes that together list all of its objects.
    """

    file: bytes
    indexes: list[bytes]


_INDEX = msgspec.msgpack.Decoder(Document[Index])
_SNAPSHOT = msgspec.msgpack.Decoder(Document[RemoteSnapshot])

REMOTE = Format(
    name="ithaca-remote",
    version=VERSION,
    noun="remote",
    wrong="there is something else than a store at this URL: its file `version` is wrong",
    cure="use another prefix with --store",
)


def place(folder: str, digest: str) -> str:
    """Name of a pack, a snapshot or a document on a remote."""
    return f"{folder}/{digest[:2]}/{digest[2:]}"


def index_place(digest: str) -> str:
    """Name of an index; all are in one folder, so that one request lists them."""
    return f"{INDEXES}/{digest}"


def encode_index(index: Index) -> bytes:
    """The bytes of an index."""
    return msgspec.msgpack.encode(Document(INDEX, VERSION, index))


def decode_index(data: bytes, digest: str, where: str) -> Index:
    """An index, verified.

    Raises:
        Corrupt: The bytes are damaged (ITH424).
    """
    if digest_of(data) != digest:
        raise damaged(f"the index {digest}", where)
    index = _decode(data, _INDEX, INDEX, digest, where)
    for pack in index.packs:
        ends = (one.offset >= 0 <= one.length and one.offset + one.length for one in pack.objects)
        names = (pack.digest, *(one.digest for one in pack.objects))
        wrong = pack.length > PACK_BYTES or any(end is False or end > pack.length for end in ends)
        if wrong or not _digests(names):
            raise damaged(f"the index {digest}", where)
    for large in index.chunked:
        count = -(-large.length // PACK_BYTES)
        if len(large.chunks) != count or not _digests((large.digest, *large.chunks)):
            raise damaged(f"the index {digest}", where)
    return index


def encode_remote_snapshot(file: bytes, indexes: Sequence[str]) -> bytes:
    """The bytes of a remote's snapshot: the document, then the digest of its bytes."""
    body = RemoteSnapshot(file, [bytes.fromhex(one) for one in indexes])
    return seal(msgspec.msgpack.encode(Document(SNAPSHOT, VERSION, body)))


def decode_remote_snapshot(
    data: bytes, digest: str, where: str
) -> tuple[RemoteSnapshot, SnapshotBody]:
    """A remote's snapshot, and the content of its file.

    Raises:
        Corrupt: The bytes are damaged, or those of another snapshot.
    """
    document = unseal(data)
    if document is None:
        raise damaged(f"the snapshot {digest}", where)
    found = _decode(document, _SNAPSHOT, SNAPSHOT, digest, where)
    if not _digests(found.indexes):
        raise damaged(f"the snapshot {digest}", where)
    return found, decode_snapshot(found.file, digest)


def damaged(what: str, where: str) -> Corrupt:
    """The error for damaged bytes of a remote."""
    return Corrupt(
        "ITH424",
        f"{what} is damaged: its bytes do not match its digest",
        cure=TAMPERED,
        where=where,
    )


def _decode(
    data: bytes,
    decoder: msgspec.msgpack.Decoder[Document[Body]],
    name: str,
    digest: str,
    where: str,
) -> Body:
    try:
        return decode_document(data, decoder, name, digest, where)
    except Corrupt:
        raise damaged(f"{name} {digest}", where) from None


def _digests(names: Sequence[bytes]) -> bool:
    return all(len(name) == DIGEST_BYTES for name in names)
