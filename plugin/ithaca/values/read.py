"""Reads pointers and documents from a folder, or through a function that reads files by path."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from ithaca.errors import Corrupt, NotFound, StoreError
from ithaca.values.model import Document, NamedValue, Pointer

VOLUME = ".ithaca-volume/values"
NAMES = f"{VOLUME}/names"
OBJECTS = f"{VOLUME}/objects"
FORMAT = 1


def pointer_from_json(data: bytes) -> Pointer:
    """A pointer from its file.

    Raises:
        Corrupt: The bytes are not a pointer.

    Example:
        >>> pointer_from_json(b'{"object": "ab", "place": "x"}').place
        'x'
    """
    try:
        return msgspec.json.decode(data, type=Pointer)
    except msgspec.DecodeError as problem:
        raise Corrupt("ITH450", f"cannot read a value's pointer: {problem}") from problem


def pointer_to_json(pointer: Pointer) -> bytes:
    """The content of a pointer's file.

    Example:
        >>> pointer_to_json(Pointer(conflict=("left", "right"))).split()
        [b'{', b'"conflict":', b'[', b'"left",', b'"right"', b']', b'}']
    """
    return msgspec.json.format(msgspec.json.encode(pointer, order="sorted"), indent=1) + b"\n"


def document_from_json(data: bytes) -> Document:
    """An object's document from its file.

    Raises:
        Corrupt: The bytes are not a document.
        StoreError: A newer version of Ithaca wrote it.
    """
    try:
        document = msgspec.json.decode(data, type=Document)
    except msgspec.DecodeError as problem:
        raise Corrupt("ITH450", f"cannot read a value's document: {problem}") from problem
    if document.format > FORMAT:
        raise StoreError(
            "ITH451",
            f"a value has format {document.format}; this version of Ithaca reads up to {FORMAT}",
            cure="upgrade Ithaca",
        )
    return document


def describe(
    pointers: Mapping[str, Pointer], read: Callable[[str], bytes]
) -> tuple[NamedValue, ...]:
    """Describe the values of names, without loading anything.

    Args:
        pointers: Name to pointer.
        read: Bytes of a file by its path from the root, such as
            `.ithaca-volume/values/objects/ab…/document.json`.

    Returns:
        One entry per name, sorted by name.
    """
    documents: dict[str, Document] = {}
    for identity in {pointer.object for pointer in pointers.values() if pointer.object}:
        documents[identity] = document_from_json(read(f"{OBJECTS}/{identity}/document.json"))
    return tuple(_describe(name, pointers, documents) for name in sorted(pointers))


def _describe(
    name: str, pointers: Mapping[str, Pointer], documents: Mapping[str, Document]
) -> NamedValue:
    pointer = pointers[name]
    if pointer.conflict:
        return NamedValue(name=name, state="conflict", conflict=pointer.conflict)
    if pointer.object is None:
        return NamedValue(name=name, state="deleted")
    value = documents[pointer.object].names[pointer.place]
    others = (n for n, p in pointers.items() if p.object == pointer.object and n != name)
    return NamedValue(
        name=name,
        state="value",
        type=value.type,
        shape=value.shape,
        size=value.size,
        object=pointer.object,
        shared_with=tuple(sorted(others)),
    )


def read_folder(root: Path) -> tuple[NamedValue, ...]:
    """The values in a root's volume.

    Args:
        root: The root.

    Raises:
        NotFound: A pointer names a missing object.
    """

    def read(path: str) -> bytes:
        try:
            return (root / path).read_bytes()
        except FileNotFoundError as problem:
            raise NotFound(
                "ITH452", f"{path} is missing in the volume", where=str(root)
            ) from problem

    return describe(_pointers(root), read)


def reachable(pointers: Mapping[str, Pointer], read: Callable[[str], bytes]) -> frozenset[str]:
    """Ids of all objects of the names, directly or through other objects.

    Args:
        pointers: Name to pointer.
        read: Bytes of a file by its path from the root.
    """
    found: set[str] = set()
    waiting = [pointer.object for pointer in pointers.values() if pointer.object]
    while waiting:
        identity = waiting.pop()
        if identity not in found:
            found.add(identity)
            document = document_from_json(read(f"{OBJECTS}/{identity}/document.json"))
            waiting.extend(document.refers_to)
    return frozenset(found)


def unreferenced(root: Path) -> tuple[str, ...]:
    """Paths, from the root, of objects that no name uses any more.

    Only a merge may remove them, because a parallel step may still use them.

    Args:
        root: The root.
    """
    objects = root / OBJECTS
    if not objects.is_dir():
        return ()
    kept = reachable(_pointers(root), lambda path: (root / path).read_bytes())
    here = sorted(entry.name for entry in objects.iterdir())
    return tuple(f"{OBJECTS}/{name}" for name in here if name not in kept)


def _pointers(root: Path) -> dict[str, Pointer]:
    files = sorted((root / NAMES).glob("*.json"))
    return {path.name.removesuffix(".json"): pointer_from_json(path.read_bytes()) for path in files}
