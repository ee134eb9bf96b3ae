"""The documents of values, as the kernel's side writes them."""

from __future__ import annotations

import msgspec


class Pointer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a name's value is: `names/<NAME>.json`.

    Attributes:
        object: Id of the object that holds it; None for a tombstone or a conflict.
        place: The value's key in the object.
        deleted: The name was deleted.
        conflict: The steps that left different values for it, in a join.
    """

    object: str | None = None
    place: str = ""
    deleted: bool = False
    conflict: tuple[str, ...] = ()


class Described(msgspec.Struct, frozen=True):
    """What one value of an object is.

    Attributes:
        type: Its type as people write it, such as `pandas.DataFrame`.
        shape: Lengths of its axes; None when it has none.
        size: Its bytes, about; what several values share counts for each.
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
    """What an object holds: `objects/<id>/document.json`; its digest is the id.

    Attributes:
        format: Version of the format.
        python: Minor version of the Python that wrote it, such as `3.12`.
        names: What the values are, by place.
        pickle: The pickle.
        buffers: The buffers.
        globals: Names that functions inside read, which have values of their own.
        refers_to: Ids of objects whose classes are referred to.
        definitions: Places that stand for definitions of `functions` cells, changed in place.
        replaces: Ids of objects whose classes were changed in place and live on here.
        descends: Ids of objects of which it has mutable parts; how each was divided among names,
            and whether it changed meanwhile.
        copies: Whether two parts are copies of what one process would have once.
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
    """One name of a snapshot and what it is bound to.

    Attributes:
        name: The name.
        state: `value`, `deleted` or `conflict`.
        type: The value's type as people write it.
        shape: Lengths of its axes.
        size: Its bytes, about.
        object: Id of the object that holds it.
        shared_with: Other names in the same object.
        conflict: The steps that left different values.
    """

    name: str
    state: str
    type: str = ""
    shape: tuple[int, ...] | None = None
    size: int = 0
    object: str = ""
    shared_with: tuple[str, ...] = ()
    conflict: tuple[str, ...] = ()
