"""The bytes of trees, attributes and snapshots; `docs/store-format.md` is the specification.

Encoding is canonical: the same tree gives the same bytes everywhere. Decoding refuses what cannot
have been written by an encoder (`Corrupt`), what could leave the root when restored
(`UnsafeSnapshot`), and what a newer Ithaca wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeVar

import msgspec
from blake3 import blake3

from ithaca.errors import Corrupt, StoreError, UnsafeSnapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSION = 1
TREE, ATTRIBUTES, SNAPSHOT = "ithaca.tree", "ithaca.attributes", "ithaca.snapshot"

FILE, EXECUTABLE, FOLDER, SYMLINK = 0, 1, 2, 3

DIGEST_BYTES = 32
MAX_DEPTH = 200
"""Folders inside folders; each level holds a file descriptor while a snapshot is restored."""


class TreeEntry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One name in a folder.

    Attributes:
        name: The file's name as the file system has it.
        kind: `FILE`, `EXECUTABLE`, `FOLDER` or `SYMLINK`.
        size: Bytes of a file, 0 otherwise.
        reference: Digest of a file's bytes or of a folder's tree; target of a symlink.
    """

    name: bytes
    kind: int
    size: int
    reference: bytes


class Attributes(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What is kept of a name but is not content.

    Attributes:
        mode: Permission bits.
        mtime_ns: Nanoseconds since the epoch.
        child: Digest of the attributes of a folder's entries.
    """

    mode: int
    mtime_ns: int
    child: bytes | None = None


class SnapshotBody(msgspec.Struct, array_like=True, frozen=True):
    """What a snapshot's file says.

    Attributes:
        tree: Digest of the root's tree, the snapshot's name.
        attributes: Digest of the attributes of the root's entries.
        files: How many files it holds.
        total: Their bytes together.
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


class _Tree(msgspec.Struct, array_like=True, frozen=True):
    format: str
    version: int
    entries: list[TreeEntry]


class _AttributesTable(msgspec.Struct, array_like=True, frozen=True):
    format: str
    version: int
    entries: list[Attributes]


class _SnapshotFile(msgspec.Struct, array_like=True, frozen=True):
    format: str
    version: int
    body: SnapshotBody


_Document = TypeVar("_Document", _Tree, _AttributesTable, _SnapshotFile)


def digest_of(data: bytes) -> str:
    """The name of these bytes: BLAKE3, 64 hex digits."""
    return blake3(data).hexdigest()


def encode_tree(entries: Sequence[TreeEntry]) -> bytes:
    """The bytes of a folder's tree; entries may come in any order.

    Raises:
        UnsafeSnapshot: A name or target that must not be in a snapshot.
    """
    ordered = sorted(entries, key=lambda entry: entry.name)
    _check_entries(ordered, "")
    return msgspec.msgpack.encode(_Tree(TREE, VERSION, ordered))


def decode_tree(data: bytes, digest: str) -> list[TreeEntry]:
    """The entries of a folder's tree, sorted by name.

    Args:
        data: The bytes, already known to match the digest.
        digest: Their name, for the message.

    Raises:
        Corrupt: These bytes are no tree.
        UnsafeSnapshot: A name that could leave the root, or one that comes twice.
    """
    entries = _decode(data, _Tree, TREE, digest).entries
    _check_entries(entries, digest)
    return entries


def encode_attributes(entries: Sequence[Attributes]) -> bytes:
    """The bytes of a folder's attributes, in the order of its tree."""
    return msgspec.msgpack.encode(_AttributesTable(ATTRIBUTES, VERSION, list(entries)))


def decode_attributes(data: bytes, digest: str) -> list[Attributes]:
    """The attributes of a folder's entries, in the order of its tree.

    Raises:
        Corrupt: These bytes are no attributes.
    """
    entries = _decode(data, _AttributesTable, ATTRIBUTES, digest).entries
    for entry in entries:
        if entry.child is not None and len(entry.child) != DIGEST_BYTES:
            _corrupt(f"attributes {digest} hold a digest of {len(entry.child)} bytes")
        if not 0 <= entry.mode <= 0o7777:
            _corrupt(f"attributes {digest} hold the mode {entry.mode:#o}")
    return entries


def encode_snapshot(body: SnapshotBody) -> bytes:
    """The bytes of a snapshot's file: the document, then the digest of its bytes."""
    data = msgspec.msgpack.encode(_SnapshotFile(SNAPSHOT, VERSION, body))
    return data + blake3(data).digest()


def decode_snapshot(data: bytes, digest: str) -> SnapshotBody:
    """What a snapshot's file says.

    Raises:
        Corrupt: The bytes are damaged, or are those of another snapshot.
    """
    document, check = data[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
    if blake3(document).digest() != check:
        _corrupt(f"the file of snapshot {digest} is damaged: its bytes do not match their digest")
    body = _decode(document, _SnapshotFile, SNAPSHOT, digest).body
    if body.tree.hex() != digest:
        _corrupt(f"the file of snapshot {digest} is that of snapshot {body.tree.hex()}")
    if body.attributes is not None and len(body.attributes) != DIGEST_BYTES:
        _corrupt(f"the file of snapshot {digest} names no attributes")
    return body


def _decode(data: bytes, kind: type[_Document], name: str, digest: str) -> _Document:
    try:
        header = msgspec.msgpack.decode(data, type=_Header)
        if header.format == name and header.version > VERSION:
            raise StoreError(
                "ITH401",
                f"{digest} has version {header.version} of the format; this Ithaca reads {VERSION}",
                cure="upgrade Ithaca: `pip install -U ithaca`",
            )
        decoded = msgspec.msgpack.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise Corrupt("ITH403", f"{digest} is no {name}: {error}") from None
    if decoded.format != name:
        _corrupt(f"{digest} is a {decoded.format}, not a {name}")
    return decoded


def _check_entries(entries: Sequence[TreeEntry], digest: str) -> None:
    before = b""
    for entry in entries:
        if entry.name <= before and before:
            _unsafe(digest, entry.name, "a name that comes twice or out of order")
        before = entry.name
        if entry.name in (b"", b".", b"..") or b"/" in entry.name or b"\0" in entry.name:
            _unsafe(digest, entry.name, "a name that is no file's name")
        _check_reference(entry, digest)


def _check_reference(entry: TreeEntry, digest: str) -> None:
    if entry.kind == SYMLINK:
        if not entry.reference or b"\0" in entry.reference:
            _unsafe(digest, entry.name, "a symbolic link to nothing")
    elif entry.kind not in (FILE, EXECUTABLE, FOLDER):
        _unsafe(digest, entry.name, f"an entry of the unknown kind {entry.kind}")
    elif len(entry.reference) != DIGEST_BYTES:
        _unsafe(digest, entry.name, f"a digest of {len(entry.reference)} bytes")
    if entry.size < 0:
        _unsafe(digest, entry.name, "a negative size")


def _unsafe(digest: str, name: bytes, what: str) -> NoReturn:
    raise UnsafeSnapshot(
        "ITH404",
        f"the tree {digest or 'to be stored'} holds {what}: {name!r}; nothing was written",
        cure="do not use this snapshot: no Ithaca has made it; ask who wrote to the store",
    )


def _corrupt(message: str) -> NoReturn:
    raise Corrupt("ITH403", message, cure=DAMAGED)


DAMAGED = (
    "`ithaca snapshots verify` lists what is damaged; `--repair` sets it aside, so that the next "
    "run writes it anew"
)
