"""The bytes of a remote; `docs/store-format.md` is the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
from blake3 import blake3

from ithaca.errors import Corrupt, StoreError
from ithaca.store.snapshots.format import DIGEST_BYTES, decode_snapshot, digest_of
from ithaca.store.version import UPGRADE, Format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.store.snapshots.format import SnapshotBody

VERSION = 1
INDEX, SNAPSHOT = "ithaca.index", "ithaca.remote-snapshot"
PACKS, INDEXES, SNAPSHOTS, DOCUMENTS = "packs", "indexes", "snapshots", "documents"

PACK_BYTES = 16 << 20
"""Most bytes of a pack, and of a chunk of a large object."""

SMALL = 4 << 20
"""Objects up to this size share packs; a larger one has packs of its own, one a chunk."""

TAMPERED = (
    "`ithaca snapshots verify --store URL` lists what is damaged; push again from a machine whose "
    "own store is sound, to another prefix"
)


class Placed(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Where an object lies in a pack.

    Attributes:
        digest: The object.
        offset: Where it begins.
        length: Its bytes.
    """

    digest: bytes
    offset: int
    length: int


class Pack(msgspec.Struct, array_like=True, frozen=True):
    """What a pack holds, as far as an index tells.

    Attributes:
        digest: Of the pack's bytes: its name.
        length: Its bytes.
        objects: What lies in it.
    """

    digest: bytes
    length: int
    objects: list[Placed]


class Chunked(msgspec.Struct, array_like=True, frozen=True):
    """A large object.

    Attributes:
        digest: The object.
        length: Its bytes.
        chunks: Packs that hold its bytes in order: all of `PACK_BYTES`, but the last one.
    """

    digest: bytes
    length: int
    chunks: list[bytes]


class Index(msgspec.Struct, array_like=True, frozen=True):
    """What some packs hold."""

    packs: list[Pack] = []
    chunked: list[Chunked] = []


class RemoteSnapshot(msgspec.Struct, array_like=True, frozen=True):
    """A snapshot of a remote.

    Attributes:
        file: The bytes of the snapshot's file, as in a local store.
        indexes: Digests of the indexes that tell together where all of its objects lie.
    """

    file: bytes
    indexes: list[bytes]


class _Header(msgspec.Struct, array_like=True, frozen=True):
    format: str
    version: int


class _IndexFile(msgspec.Struct, array_like=True, frozen=True):
    format: str
    version: int
    body: Index


class _SnapshotFile(msgspec.Struct, array_like=True, frozen=True):
    format: str
    version: int
    body: RemoteSnapshot


_File = TypeVar("_File", _IndexFile, _SnapshotFile)

REMOTE = Format(
    name="ithaca-remote",
    version=VERSION,
    noun="remote",
    stranger="this place is no remote of a store: its `version` is wrong",
    cure="name another prefix with --store",
)


def place(folder: str, digest: str) -> str:
    """Name of a pack, a snapshot or a document on a remote."""
    return f"{folder}/{digest[:2]}/{digest[2:]}"


def index_place(digest: str) -> str:
    """Name of an index; all of them lie in one folder, so that one listing tells them."""
    return f"{INDEXES}/{digest}"


def encode_index(index: Index) -> bytes:
    """The bytes of an index."""
    return msgspec.msgpack.encode(_IndexFile(INDEX, VERSION, index))


def decode_index(data: bytes, digest: str, where: str) -> Index:
    """An index, checked against its name.

    Raises:
        Corrupt: These are not its bytes.
    """
    if digest_of(data) != digest:
        raise damaged(f"the index {digest}", where)
    index = _decode(data, _IndexFile, INDEX, digest, where).body
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
    data = msgspec.msgpack.encode(_SnapshotFile(SNAPSHOT, VERSION, body))
    return data + blake3(data).digest()


def decode_remote_snapshot(
    data: bytes, digest: str, where: str
) -> tuple[RemoteSnapshot, SnapshotBody]:
    """A remote's snapshot, and what its file says.

    Raises:
        Corrupt: The bytes are damaged, or those of another snapshot.
    """
    document, check = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
    if blake3(document).digest() != check:
        raise damaged(f"the snapshot {digest}", where)
    found = _decode(document, _SnapshotFile, SNAPSHOT, digest, where).body
    if not _digests(found.indexes):
        raise damaged(f"the snapshot {digest}", where)
    return found, decode_snapshot(found.file, digest)


def damaged(what: str, where: str) -> Corrupt:
    """The error for bytes of a remote that are wrong."""
    return Corrupt(
        "ITH424", f"{what} is damaged: its bytes do not match its name", cure=TAMPERED, where=where
    )


def _decode(data: bytes, kind: type[_File], name: str, digest: str, where: str) -> _File:
    try:
        header = msgspec.msgpack.decode(data, type=_Header)
        if header.format == name and header.version > VERSION:
            raise StoreError(
                "ITH401",
                f"{digest} has version {header.version} of the format; this Ithaca reads {VERSION}",
                cure=UPGRADE,
                where=where,
            )
        decoded = msgspec.msgpack.decode(data, type=kind)
    except msgspec.MsgspecError:
        raise damaged(f"{name} {digest}", where) from None
    if decoded.format != name:
        raise damaged(f"{name} {digest}", where)
    return decoded


def _digests(names: Sequence[bytes]) -> bool:
    return all(len(name) == DIGEST_BYTES for name in names)
