"""The bytes of trees, attributes and snapshots; `docs/store-format.md` is the specification.

Encoding is canonical: the same tree gives the same bytes everywhere. Decoding refuses bytes that no
encoder writes (`Corrupt`), names that could escape the root (`UnsafeSnapshot`), and newer formats.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

import msgspec
from blake3 import blake3

from ithaca.errors import Corrupt, StoreError, UnsafeSnapshot
from ithaca.store.version import DAMAGED, UPGRADE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

VERSION = 1
TREE, ATTRIBUTES, SNAPSHOT = "ithaca.tree", "ithaca.attributes", "ithaca.snapshot"

FILE, EXECUTABLE, FOLDER, SYMLINK = 0, 1, 2, 3

DIGEST_BYTES = 32
MAX_DEPTH = 200
"""Nested folders; each level holds a file descriptor while a snapshot is restored."""

NOT_OURS = "do not use this snapshot: Ithaca did not create it; check who can write to the store"
"""Cure for a snapshot with unsafe names."""


class TreeEntry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One name in a folder.

    Attributes:
        name: Its name in the file system.
        kind: `FILE`, `EXECUTABLE`, `FOLDER` or `SYMLINK`.
        size: Bytes of a file, 0 otherwise.
        reference: Digest of a file's bytes or of a folder's tree; target of a symlink.
    """

    name: bytes
    kind: int
    size: int
    reference: bytes


class Attributes(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The attributes of a name, which are not content.

    Attributes:
        mode: Permission bits.
        mtime_ns: Nanoseconds since the epoch.
        child: Digest of the attributes of a folder's entries.
    """

    mode: int
    mtime_ns: int
    child: bytes | None = None


class SnapshotBody(msgspec.Struct, array_like=True, frozen=True):
    """The content of a snapshot's file.

    Attributes:
        tree: Digest of the root's tree, the snapshot's name.
        attributes: Digest of the attributes of the root's entries.
        files: How many files it holds.
        total: Total size of the files.
        created: Seconds since the epoch.
    """

    tree: bytes
    attributes: bytes | None
    files: int
    total: int
    created: float


class _Header(msgspec.Struct, array_like=True, frozen=True):
    format: str
    version: int


Body = TypeVar("Body")


class Document(msgspec.Struct, Generic[Body], array_like=True, frozen=True):
    """A document with its format.

    Attributes:
        format: Name of the format.
        version: Version of the format.
        body: The content.
    """

    format: str
    version: int
    body: Body


_HEADER = msgspec.msgpack.Decoder(_Header)
_TREE = msgspec.msgpack.Decoder(Document[list[TreeEntry]])
_ATTRIBUTES = msgspec.msgpack.Decoder(Document[list[Attributes]])
_SNAPSHOT = msgspec.msgpack.Decoder(Document[SnapshotBody])


def digest_of(data: bytes) -> str:
    """The digest of some bytes: BLAKE3, 64 hex digits."""
    return blake3(data).hexdigest()


def encode_tree(entries: Sequence[TreeEntry]) -> bytes:
    """The bytes of a folder's tree; entries may be in any order.

    Raises:
        UnsafeSnapshot: A name or target is not allowed in a snapshot.
    """
    ordered = sorted(entries, key=lambda entry: entry.name)
    _check_entries(ordered, "")
    return msgspec.msgpack.encode(Document(TREE, VERSION, ordered))


def decode_tree(data: bytes, digest: str) -> list[TreeEntry]:
    """The entries of a folder's tree, sorted by name.

    Args:
        data: The bytes, which match the digest.
        digest: Their digest, for messages.

    Raises:
        Corrupt: The bytes are not a tree.
        UnsafeSnapshot: A name could escape the root, or is duplicate.
    """
    entries = decode_document(data, _TREE, TREE, digest)
    _check_entries(entries, digest)
    return entries


def encode_attributes(entries: Sequence[Attributes]) -> bytes:
    """The bytes of a folder's attributes, in the order of its tree."""
    return msgspec.msgpack.encode(Document(ATTRIBUTES, VERSION, list(entries)))


def decode_attributes(data: bytes, digest: str) -> list[Attributes]:
    """The attributes of a folder's entries, in the order of its tree.

    Raises:
        Corrupt: The bytes are not attributes.
    """
    entries = decode_document(data, _ATTRIBUTES, ATTRIBUTES, digest)
    for entry in entries:
        if entry.child is not None and len(entry.child) != DIGEST_BYTES:
            _corrupt(f"the attributes {digest} hold a digest of {len(entry.child)} bytes")
        if not 0 <= entry.mode <= 0o7777:
            _corrupt(f"the attributes {digest} hold the mode {entry.mode:#o}")
    return entries


def decode_folder(
    tree: str, attributes: str, read: Callable[[str], bytes]
) -> list[tuple[TreeEntry, Attributes | None]]:
    """The entries of a folder with their attributes, sorted by name.

    Args:
        tree: Digest of its tree.
        attributes: Digest of its attributes; empty if there are none.
        read: Returns the bytes of an object.

    Raises:
        Corrupt: The tree or the attributes are damaged.
        UnsafeSnapshot: A name could escape the root, or is duplicate.
    """
    entries = decode_tree(read(tree), tree)
    if not attributes:
        return [(entry, None) for entry in entries]
    rows = decode_attributes(read(attributes), attributes)
    if len(rows) != len(entries):
        _corrupt(f"the attributes {attributes} do not match the tree {tree}")
    return list(zip(entries, rows, strict=True))


def encode_snapshot(body: SnapshotBody) -> bytes:
    """The bytes of a snapshot's file: the document, then the digest of its bytes."""
    return seal(msgspec.msgpack.encode(Document(SNAPSHOT, VERSION, body)))


def decode_snapshot(data: bytes, digest: str) -> SnapshotBody:
    """The content of a snapshot's file.

    Raises:
        Corrupt: The bytes are damaged, or those of another snapshot.
    """
    document = unseal(data)
    if document is None:
        _corrupt(f"the file of snapshot {digest} is damaged: its bytes do not match their digest")
    body = decode_document(document, _SNAPSHOT, SNAPSHOT, digest)
    if body.tree.hex() != digest:
        _corrupt(f"the file of snapshot {digest} is that of snapshot {body.tree.hex()}")
    if body.attributes is not None and len(body.attributes) != DIGEST_BYTES:
        _corrupt(f"the file of snapshot {digest} has invalid attributes")
    return body


def seal(document: bytes) -> bytes:
    """A document followed by the digest of its bytes."""
    return document + blake3(document).digest()


def unseal(data: bytes) -> bytes | None:
    """The document in sealed bytes; None if they are damaged."""
    document, check = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
    return document if blake3(document).digest() == check else None


def decode_document(
    data: bytes,
    decoder: msgspec.msgpack.Decoder[Document[Body]],
    name: str,
    digest: str,
    where: str = "",
) -> Body:
    """The content of a document.

    Args:
        data: Its bytes.
        decoder: The decoder of its format.
        name: Name of its format.
        digest: Its digest, for messages.
        where: URL of the remote that holds it.

    Raises:
        StoreError: The format is newer than this Ithaca (ITH401).
        Corrupt: The bytes are not a document of this format.
    """
    try:
        header = _HEADER.decode(data)
        if header.format == name and header.version > VERSION:
            raise StoreError(
                "ITH401",
                f"{digest} has format version {header.version}; this Ithaca reads {VERSION}",
                cure=UPGRADE,
                where=where,
            )
        decoded = decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise Corrupt("ITH403", f"{digest} is not a valid {name}: {error}", cure=DAMAGED) from None
    if decoded.format != name:
        _corrupt(f"{digest} is a {decoded.format}, not a {name}")
    return decoded.body


def _check_entries(entries: Sequence[TreeEntry], digest: str) -> None:
    before = b""
    for entry in entries:
        if entry.name <= before and before:
            _unsafe(digest, entry.name, "a duplicate or unsorted name")
        before = entry.name
        if entry.name in (b"", b".", b"..") or b"/" in entry.name or b"\0" in entry.name:
            _unsafe(digest, entry.name, "an invalid name")
        _check_reference(entry, digest)


def _check_reference(entry: TreeEntry, digest: str) -> None:
    if entry.kind == SYMLINK:
        if not entry.reference or b"\0" in entry.reference:
            _unsafe(digest, entry.name, "a symbolic link without a target")
    elif entry.kind not in (FILE, EXECUTABLE, FOLDER):
        _unsafe(digest, entry.name, f"an entry of unknown kind {entry.kind}")
    elif len(entry.reference) != DIGEST_BYTES:
        _unsafe(digest, entry.name, f"a digest of {len(entry.reference)} bytes")
    if entry.size < 0:
        _unsafe(digest, entry.name, "a negative size")


def _unsafe(digest: str, name: bytes, what: str) -> NoReturn:
    raise UnsafeSnapshot(
        "ITH404",
        f"the tree {digest or 'to be stored'} holds {what}: {name!r}; nothing was written",
        cure=NOT_OURS,
    )


def _corrupt(message: str) -> NoReturn:
    raise Corrupt("ITH403", message, cure=DAMAGED)
