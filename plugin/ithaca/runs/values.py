"""The values in a snapshot, described without loading them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ithaca.errors import NotFound
from ithaca.values import NAMES, OBJECTS, describe, pointer_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Literal

    from ithaca.store import Entry, Store
    from ithaca.values import NamedValue

_END = ".json"


class ValueChange(msgspec.Struct, frozen=True, kw_only=True):
    """A value that differs between two snapshots.

    Attributes:
        name: The name.
        kind: `added`, `removed` or `changed`.
        before: Its value in the first snapshot.
        after: Its value in the second one.
    """

    name: str
    kind: Literal["added", "removed", "changed"]
    before: NamedValue | None = None
    after: NamedValue | None = None


def values_of(store: Store, found: Mapping[str, Entry]) -> tuple[NamedValue, ...]:
    """The values of a snapshot, sorted by name.

    Args:
        store: The store.
        found: The snapshot's entries, from `ithaca.store.entries`.

    Raises:
        StoreError: Their description is missing or damaged.
    """
    from ithaca.store import read_blob

    def read(path: str) -> bytes:
        if path not in found:
            raise NotFound("ITH452", f"the snapshot lacks {path}")
        return read_blob(store, found[path])

    pointers = {
        path.removeprefix(f"{NAMES}/").removesuffix(_END): pointer_from_json(read(path))
        for path, entry in found.items()
        if path.startswith(f"{NAMES}/") and path.endswith(_END) and entry.kind == "file"
    }
    return describe(pointers, read)


def changed_values(
    before: tuple[NamedValue, ...], after: tuple[NamedValue, ...]
) -> tuple[ValueChange, ...]:
    """The values that differ between two snapshots, sorted by name."""
    old = {each.name: each for each in before if each.state != "deleted"}
    new = {each.name: each for each in after if each.state != "deleted"}
    return tuple(
        ValueChange(
            name=name,
            kind="added" if name not in old else "removed" if name not in new else "changed",
            before=old.get(name),
            after=new.get(name),
        )
        for name in sorted(old.keys() | new.keys())
        if name not in old or name not in new or not _same(old[name], new[name])
    )


def is_part_of_values(path: str) -> bool:
    """Whether a path belongs to stored values."""
    return path.startswith((f"{NAMES}/", f"{OBJECTS}/")) or path in (NAMES, OBJECTS)


def _same(one: NamedValue, other: NamedValue) -> bool:
    """Whether two values are equal; other names for the same object do not matter."""
    return msgspec.structs.replace(one, shared_with=()) == msgspec.structs.replace(
        other, shared_with=()
    )
