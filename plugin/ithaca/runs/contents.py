"""The contents of a snapshot for people: files, values and installed libraries.

Values are described without loading them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec.structs import replace

from ithaca.errors import NotFound
from ithaca.store.snapshots.model import RESERVED
from ithaca.values import NAMES, VOLUME, NamedValue, describe, pointer_from_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ithaca.store import Entry, Store

What = Literal["file", "library", "state", "value"]

_LIBRARY = re.compile(rf"{re.escape(RESERVED)}/environment/(?:.*/)?([^/]+)-([^-/]+)\.dist-info")
_STATE = f"{VOLUME}/session/"
_END = ".json"


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """The contents of a snapshot without Ithaca's own files.

    Attributes:
        files: The entries outside of Ithaca's own folder, by path.
        values: The values, sorted by name.
        libraries: Versions of the libraries that steps installed, by name.
    """

    files: dict[str, Entry]
    values: tuple[NamedValue, ...] = ()
    libraries: dict[str, str] = {}


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between two snapshots.

    Attributes:
        kind: `added`, `removed` or `changed`.
        what: `file`, `library`, `value`, or `state` (random generators, environment variables, the
            working directory).
        name: Its path or name.
        before: The old value or version; None for a file.
        after: The new one.
    """

    kind: Literal["added", "removed", "changed"]
    what: What
    name: str
    before: str | NamedValue | None = None
    after: str | NamedValue | None = None


def contents(store: Store, digest: str) -> Contents:
    """Read the contents of a snapshot.

    Args:
        store: The store.
        digest: The snapshot.

    Raises:
        StoreError: Part of it is missing or damaged.
    """
    from ithaca.store import entries

    found = entries(store, digest)
    return Contents(
        files={path: entry for path, entry in found.items() if not is_own(path)},
        values=values_of(store, found),
        libraries=libraries(found),
    )


def differences(store: Store, first: str, second: str) -> list[Difference]:
    """Compare two snapshots: files, libraries, process state and values.

    Args:
        store: The store.
        first: Digest of a snapshot.
        second: Digest of another one.

    Raises:
        StoreError: Part of one is missing or damaged.
    """
    from ithaca.store import diff, entries

    changes = diff(store, first, second)
    one, other = entries(store, first), entries(store, second)
    found = [
        Difference(kind=each.kind, what="file", name=each.path)
        for each in changes
        if not is_own(each.path)
    ]
    found += _changed("library", libraries(one), libraries(other))
    found += [
        Difference(kind=each.kind, what="state", name=each.path.removeprefix(_STATE).split(".")[0])
        for each in changes
        if each.path.startswith(_STATE)
    ]
    found += _changed("value", _by_name(values_of(store, one)), _by_name(values_of(store, other)))
    return list(dict.fromkeys(found))


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


def libraries(found: Mapping[str, Entry] | Iterable[str]) -> dict[str, str]:
    """The libraries that steps installed, found by their `.dist-info` folders.

    Example:
        >>> libraries([".ithaca-volume/environment/lib/python3.12/site-packages/a-1.0.dist-info"])
        {'a': '1.0'}
    """
    matches = (_LIBRARY.fullmatch(path) for path in found)
    return dict(sorted((match[1], match[2]) for match in matches if match))


def is_own(path: str) -> bool:
    """Whether a path lies in Ithaca's own folder."""
    return path == RESERVED or path.startswith(f"{RESERVED}/")


def _changed(
    what: What, one: Mapping[str, str | NamedValue], other: Mapping[str, str | NamedValue]
) -> list[Difference]:
    """The names that have different content in two snapshots, or that only one has."""
    return [
        Difference(
            kind="added" if name not in one else "removed" if name not in other else "changed",
            what=what,
            name=name,
            before=one.get(name),
            after=other.get(name),
        )
        for name in sorted(one.keys() | other.keys())
        if _content(one.get(name)) != _content(other.get(name))
    ]


def _content(found: str | NamedValue | None) -> object:
    """What counts as a change; other names for the same value do not."""
    return replace(found, shared_with=()) if isinstance(found, NamedValue) else found


def _by_name(values: Iterable[NamedValue]) -> dict[str, NamedValue]:
    return {each.name: each for each in values if each.state != "deleted"}
