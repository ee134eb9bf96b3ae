"""The contents of a snapshot for people: files, values and installed libraries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import msgspec

from ithaca.runs.values import changed_values, values_of
from ithaca.store.snapshots.model import RESERVED
from ithaca.values import VOLUME

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ithaca.store import Entry, Store
    from ithaca.values import NamedValue

Kind = Literal["added", "removed", "changed"]

_LIBRARY = re.compile(rf"{re.escape(RESERVED)}/environment/(?:.*/)?([^/]+)-([^-/]+)\.dist-info")
_STATE = f"{VOLUME}/session/"


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

    kind: Kind
    what: Literal["file", "library", "state", "value"]
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
    found += _libraries(libraries(one), libraries(other))
    found += [
        Difference(kind=each.kind, what="state", name=each.path.removeprefix(_STATE).split(".")[0])
        for each in changes
        if each.path.startswith(_STATE)
    ]
    found += [
        Difference(
            kind=each.kind, what="value", name=each.name, before=each.before, after=each.after
        )
        for each in changed_values(values_of(store, one), values_of(store, other))
    ]
    return list(dict.fromkeys(found))


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


def _libraries(one: dict[str, str], other: dict[str, str]) -> list[Difference]:
    return [
        Difference(
            kind="added" if name not in one else "removed" if name not in other else "changed",
            what="library",
            name=name,
            before=one.get(name),
            after=other.get(name),
        )
        for name in sorted(one.keys() | other.keys())
        if one.get(name) != other.get(name)
    ]
