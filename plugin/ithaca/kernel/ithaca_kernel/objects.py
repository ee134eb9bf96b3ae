"""The immutable objects that hold values: a pickle, its buffers, and a document about both.

`objects/<id>/pickle` is a dict of place to value. `buffers` holds the memory of arrays, each part
at a multiple of 64 bytes so that it can be used where it is mapped. `document.json` describes the
content without loading it. The id is the document's digest, and the document contains the digests
of the other files.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import pickle
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Dict, List, Optional, Set, Tuple

from .files import open_binary, read_bytes, read_json, to_json, write_bytes
from .pickler import Reference, ValuePickler

FORMAT = 1
ALIGNMENT = 64
_CHUNK = 1 << 20
_WRITE = 1 << 23


class Draft:
    """An object while it is written; it gets its id when it is complete.

    Args:
        values: The folder `values` of the volume.
    """

    def __init__(self, values: Path) -> None:
        self._objects = values / "objects"
        self._folder = self._objects / f".draft-{os.getpid()}"
        self._parts: List[Dict[str, Any]] = []
        self._size = 0
        self.stream = b""

    def dump(
        self,
        places: Dict[str, Any],
        namespace: Dict[str, Any],
        known: Dict[int, Reference],
        lone: Set[int],
    ) -> ValuePickler:
        """Pickle values into the draft.

        Args:
            places: The values by their place.
            namespace: The notebook's namespace.
            known: References to use instead of copies.
            lone: Ids of arrays whose memory no other array uses.

        Returns:
            The pickler, which lists the references that it used.
        """
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        with open_binary(self._folder / "buffers", "wb") as file:

            def take(buffer: pickle.PickleBuffer) -> None:
                with buffer.raw() as memory:
                    self._add_part(file, memory)

            with open_binary(self._folder / "pickle", "w+b") as out:
                pickler = ValuePickler(out, namespace, known, take, lone=lone)
                pickler.dump(places)
                out.seek(0)
                self.stream = out.read()
        return pickler

    def finish(self, fields: Dict[str, Any]) -> str:
        """Move the object to its final place.

        Args:
            fields: The document's fields besides sizes and digests.

        Returns:
            The object's id.
        """
        document = {
            "format": FORMAT,
            "python": python_version(),
            "pickle": {"size": len(self.stream), "digest": _digest(self.stream)},
            "buffers": {"size": self._size, "parts": self._parts},
            **fields,
        }
        # Because the document has the digests of the other files, objects with one id are equal in
        # every file; otherwise a join would report a conflict.
        text = to_json(document)
        identity = _digest(text)
        target = self._objects / identity
        if target.exists():
            shutil.rmtree(self._folder)
            return identity
        write_bytes(self._folder / "document.json", text)
        self._folder.rename(target)
        return identity

    def discard(self) -> None:
        """Delete the draft."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _add_part(self, file: BinaryIO, memory: memoryview) -> None:
        gap = -self._size % ALIGNMENT
        file.write(bytes(gap))
        offset = self._size + gap
        digest = hashlib.blake2b(digest_size=32)
        with ThreadPoolExecutor(1) as beside:  # hashing and writing both release the GIL
            for start in range(0, memory.nbytes, _WRITE):
                part = memory[start : start + _WRITE]
                hashed = beside.submit(digest.update, part)
                file.write(part)
                hashed.result()
        self._parts.append({"offset": offset, "size": memory.nbytes, "digest": digest.hexdigest()})
        self._size = offset + memory.nbytes


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def python_version() -> str:
    """The kernel's minor version of Python: pickled code does not load in another one."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


class Stored:
    """An object of the volume.

    Args:
        values: The folder `values` of the volume.
        identity: The object's id.
    """

    def __init__(self, values: Path, identity: str) -> None:
        self.identity = identity
        self._folder = values / "objects" / identity
        self.document: Dict[str, Any] = read_json(self._folder / "document.json")

    @property
    def refers_to(self) -> Tuple[str, ...]:
        """Ids of the objects that this one refers to."""
        return tuple(self.document.get("refers_to", ()))

    @property
    def parts(self) -> List[Dict[str, Any]]:
        """Where the buffers are: offset, size and digest of each."""
        parts: List[Dict[str, Any]] = self.document["buffers"]["parts"]
        return parts

    def pickle(self) -> bytes:
        """The pickle."""
        return read_bytes(self._folder / "pickle")

    def map(self, *, private: bool) -> List[memoryview]:
        """The buffers, mapped.

        Args:
            private: Writable copy on write; otherwise read-only, as the file is.
        """
        size = self.document["buffers"]["size"]
        if not size:
            return [memoryview(bytearray()) for _ in self.parts]
        with open_binary(self._folder / "buffers", "rb") as file:
            access = mmap.ACCESS_COPY if private else mmap.ACCESS_READ
            mapped = memoryview(mmap.mmap(file.fileno(), size, access=access))
        return [mapped[part["offset"] : part["offset"] + part["size"]] for part in self.parts]


Descent = Dict[str, List[Any]]
"""Id of the object that something was taken out of, to how it was divided and whether changed."""


def descent(stored: Stored) -> Descent:
    """What an object was taken out of, itself included."""
    return {**stored.document.get("descends", {}), stored.identity: ["", False]}


def rivals(one: Stored, other: Stored) -> Optional[bool]:
    """Whether two objects hold copies of one thing.

    Args:
        one: An object.
        other: Another one.

    Returns:
        None if they do not, else whether a copy was changed.
    """
    if one.identity == other.identity:
        return None
    mine, theirs = descent(one), descent(other)
    # What one step divided into several objects shares nothing.
    common = [key for key in mine if key in theirs and mine[key][0] != theirs[key][0]]
    return any(mine[key][1] or theirs[key][1] for key in common) if common else None


class Fingerprint:
    """A fingerprint of a pickle, to find out later whether its values changed.

    Hashes the pickle. Compares the buffers with the file that they were loaded from, or hashes
    them too if they are not in that file in this order.

    Args:
        stored: The object that the values were loaded from, if any.
    """

    def __init__(self, stored: Optional[Stored] = None) -> None:
        self._stored = stored
        self._hash = hashlib.blake2b(digest_size=32)
        self._buffers: List[memoryview] = []

    def write(self, data: Any) -> int:
        """Add a part of the pickle."""
        self._hash.update(data)
        return len(data)

    def take(self, buffer: pickle.PickleBuffer) -> None:
        """Add a buffer."""
        self._buffers.append(buffer.raw())

    def result(self, *, trusted: bool) -> Tuple[Any, ...]:
        """The fingerprint.

        Args:
            trusted: Whether the values were just loaded, so that buffers of the same sizes as in
                the file are those of the file.
        """
        sizes = [memory.nbytes for memory in self._buffers]
        if self._stored is not None and sizes == [part["size"] for part in self._stored.parts]:
            same = trusted or all(map(_equal, self._buffers, self._stored.map(private=False)))
            state = "as stored" if same else "changed"
        else:
            state = "hashed"
            for memory in self._buffers:
                self._hash.update(memory)
        return self._hash.hexdigest(), tuple(sizes), state


def _equal(here: memoryview, there: memoryview) -> bool:
    """Whether two memories hold the same bytes; memoryviews themselves compare item by item."""
    return all(
        here[start : start + _CHUNK].tobytes() == there[start : start + _CHUNK].tobytes()
        for start in range(0, here.nbytes, _CHUNK)
    )


def fingerprint(
    places: Any,
    namespace: Dict[str, Any],
    known: Dict[int, Reference],
    stored: Optional[Stored] = None,
    *,
    trusted: bool = False,
) -> Tuple[Any, ...]:
    """The fingerprint of values; equal fingerprints in one kernel mean unchanged values."""
    taken = Fingerprint(stored)
    own = stored.identity if stored is not None else ""
    pickler = ValuePickler(taken, namespace, known, taken.take, own=own)
    pickler.dump(places)
    return taken.result(trusted=trusted)
