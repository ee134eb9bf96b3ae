"""The store: immutable documents, and snapshots of files, all named by their content.

This package knows files, bytes and digests, but not notebooks, steps or runs. It may import
`ithaca.errors` and nothing else of Ithaca. `Documents` is a protocol, and `Store` the base of all
stores; `LocalStore` is a folder, and `SharedStore` is a local store together with a remote. `take`
turns a folder into a snapshot, `restore` turns a snapshot into a folder, `merge` joins what
parallel steps left, `diff` and `entries` read snapshots, and `verify` checks a store. The records
(documents of a run), the planner (whose keys contain digests of snapshots) and the runner build on
it.

The bytes are specified in `docs/store-format.md`. Names are imported on first use, so
`import ithaca.store` is fast.

Example:
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from ithaca.store import Ignore, LocalStore, restore, take
    >>> home = Path(mkdtemp())
    >>> store = LocalStore.open(home / "store")
    >>> _ = (home / "work").mkdir(), (home / "work" / "a.txt").write_text("hello")
    >>> taken = take(store, home / "work", ignore=Ignore.read(home / "work"))
    >>> restore(store, taken.digest, home / "again")
    >>> (home / "again" / "a.txt").read_text()
    'hello'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ithaca.store.base import Documents as Documents
    from ithaca.store.base import Store as Store
    from ithaca.store.local import LocalStore as LocalStore
    from ithaca.store.shared import SharedStore as SharedStore
    from ithaca.store.snapshots.archiver import take as take
    from ithaca.store.snapshots.cache import StatCache as StatCache
    from ithaca.store.snapshots.checker import verify as verify
    from ithaca.store.snapshots.filter import SnapshotFilter as SnapshotFilter
    from ithaca.store.snapshots.ignore import Ignore as Ignore
    from ithaca.store.snapshots.limits import Limits as Limits
    from ithaca.store.snapshots.merger import merge as merge
    from ithaca.store.snapshots.model import Change as Change
    from ithaca.store.snapshots.model import Entry as Entry
    from ithaca.store.snapshots.model import Merged as Merged
    from ithaca.store.snapshots.model import MergeNode as MergeNode
    from ithaca.store.snapshots.model import Problem as Problem
    from ithaca.store.snapshots.model import Snapshot as Snapshot
    from ithaca.store.snapshots.model import Taken as Taken
    from ithaca.store.snapshots.restorer import restore as restore
    from ithaca.store.snapshots.rules import MergeRules as MergeRules
    from ithaca.store.snapshots.scan import fresh as fresh
    from ithaca.store.snapshots.walker import diff as diff
    from ithaca.store.snapshots.walker import entries as entries
    from ithaca.store.snapshots.walker import list_snapshots as list_snapshots
    from ithaca.store.snapshots.walker import read_blob as read_blob
    from ithaca.store.snapshots.walker import resolve as resolve
    from ithaca.store.snapshots.walker import snapshot as snapshot

_NAMES: dict[str, tuple[str, ...]] = {
    "local": ("LocalStore",),
    "base": ("Documents", "Store"),
    "shared": ("SharedStore",),
    "snapshots.archiver": ("take",),
    "snapshots.cache": ("StatCache",),
    "snapshots.checker": ("verify",),
    "snapshots.filter": ("SnapshotFilter",),
    "snapshots.ignore": ("Ignore",),
    "snapshots.limits": ("Limits",),
    "snapshots.merger": ("merge",),
    "snapshots.model": ("Change", "Entry", "MergeNode", "Merged", "Problem", "Snapshot", "Taken"),
    "snapshots.restorer": ("restore",),
    "snapshots.rules": ("MergeRules",),
    "snapshots.scan": ("fresh",),
    "snapshots.walker": ("diff", "entries", "list_snapshots", "read_blob", "resolve", "snapshot"),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
