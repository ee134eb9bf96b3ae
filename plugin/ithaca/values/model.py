"""The documents of values, as the kernel writes them."""

from __future__ import annotations

import msgspec


class Pointer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a name's value is: `names/<NAME>.json`.

    Attributes:
        object: Id of the object that holds it; None for a tombstone or a conflict.
        place: The value's key in the object.
        deleted: Whether the name was deleted.
        conflict: The steps that saved different values for it, in a join.
    """

    object: str | None = None
    place: str = ""
    deleted: bool = False
    conflict: tuple[str, ...] = ()


class Described(msgspec.Struct, frozen=True):
    """The description of one value of an object.

    Attributes:
        type: Its type as users write it, such as `pandas.DataFrame`.
        shape: Lengths of its axes; None when it has none.
        size: Its approximate size in bytes; shared parts count for each value.
    """

    type: str
    shape: tuple[int, ...] | None = None
    size: int = 0


class Part(msgspec.Struct, frozen=True):
    """A file's size in bytes and its blake2b digest."""

    size: int
    digest: str


class Buffer(msgspec.Struct, frozen=True):
    """One out-of-band buffer: where it is in the file `buffers`, its bytes and their digest."""

    offset: int
    size: int
    digest: str


class Buffers(msgspec.Struct, frozen=True):
    """The file `buffers`."""

    size: int = 0
    parts: tuple[Buffer, ...] = ()


class Document(msgspec.Struct, frozen=True):
    """The content of an object: `objects/<id>/document.json`; its digest is the id.

    Attributes:
        format: Version of the format.
        python: Minor version of the Python that wrote it, such as `3.12`.
        names: The descriptions of the values, by place.
        pickle: The pickle.
        buffers: The buffers.
        globals: Names that its functions read; they have separate values.
        refers_to: Ids of objects whose classes it uses.
        definitions: Places of definitions of `functions` cells that were changed in place.
        replaces: Ids of objects whose classes were changed in place and are now in this one.
        descends: Ids of objects of which it has mutable parts, each with how it was divided among
            names and whether it changed meanwhile.
        copies: Whether it contains two copies of a thing that one process would have once.
    """

    format: int
    python: str
    names: dict[str, Described]
    pickle: Part
    buffers: Buffers = Buffers()
    globals: tuple[str, ...] = ()
    refers_to: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    descends: dict[str, tuple[str, bool]] = {}
    copies: bool = False


class NamedValue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One name of a snapshot and its value.

    Attributes:
        name: The name.
        state: `value`, `deleted` or `conflict`.
        type: The value's type as users write it.
        shape: Lengths of its axes.
        size: Its approximate size in bytes.
        object: Id of the object that holds it.
        shared_with: Other names in the same object.
        conflict: The steps that saved different values.
    """

    name: str
    state: str
    type: str = ""
    shape: tuple[int, ...] | None = None
    size: int = 0
    object: str = ""
    shared_with: tuple[str, ...] = ()
    conflict: tuple[str, ...] = ()
