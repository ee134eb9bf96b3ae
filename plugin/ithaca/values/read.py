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

    files = sorted((root / NAMES).glob("*.json"))
    pointers = {file.stem: pointer_from_json(file.read_bytes()) for file in files}
    return describe(pointers, read)
