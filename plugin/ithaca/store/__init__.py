"""Snapshots: immutable, content-addressed trees of files, and the store that holds them.

This room knows files, bytes and digests; it knows nothing of notebooks, steps or runs. It may
import `ithaca.errors` and nothing else of Ithaca. `Store` keeps documents (immutable, by name or by
digest) and objects; `take` turns a folder into a snapshot, `restore` turns a snapshot into a
folder, `merge` joins what parallel steps left, `diff` and `entries` look at snapshots and `verify`
checks a store. Data goes on to the records (which are documents of the same store), to the planner
(whose keys hold digests of snapshots) and to the runner (which restores, runs and takes).

The bytes are specified in `docs/store-format.md`. The names are imported when they are first used,
so that `import ithaca.store` costs nothing.

Example:
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from ithaca.store import Ignore, Store, restore, take
    >>> home = Path(mkdtemp())
    >>> store = Store.open(home / "store")
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
    from ithaca.store.local import Store
    from ithaca.store.shared import Shared
    from ithaca.store.snapshots.archiver import take
    from ithaca.store.snapshots.cache import StatCache
    from ithaca.store.snapshots.changed import fresh
    from ithaca.store.snapshots.checker import verify
    from ithaca.store.snapshots.counting import Counting
    from ithaca.store.snapshots.ignore import Ignore
    from ithaca.store.snapshots.limits import Limits
    from ithaca.store.snapshots.merger import merge
    from ithaca.store.snapshots.model import (
        Change,
        Entry,
        Merged,
        MergeNode,
        Problem,
        Snapshot,
        Taken,
    )
    from ithaca.store.snapshots.restorer import restore
    from ithaca.store.snapshots.rules import MergeRules
    from ithaca.store.snapshots.walker import (
        diff,
        entries,
        list_snapshots,
        read_blob,
        resolve,
        snapshot,
    )

_HOMES = {
    "Change": "snapshots.model",
    "Counting": "snapshots.counting",
    "Entry": "snapshots.model",
    "Ignore": "snapshots.ignore",
    "Limits": "snapshots.limits",
    "MergeNode": "snapshots.model",
    "MergeRules": "snapshots.rules",
    "Merged": "snapshots.model",
    "Problem": "snapshots.model",
    "Shared": "shared",
    "Snapshot": "snapshots.model",
    "StatCache": "snapshots.cache",
    "Store": "local",
    "Taken": "snapshots.model",
    "diff": "snapshots.walker",
    "entries": "snapshots.walker",
    "fresh": "snapshots.changed",
    "list_snapshots": "snapshots.walker",
    "merge": "snapshots.merger",
    "read_blob": "snapshots.walker",
    "resolve": "snapshots.walker",
    "restore": "snapshots.restorer",
    "snapshot": "snapshots.walker",
    "take": "snapshots.archiver",
    "verify": "snapshots.checker",
}

__all__ = [
    "Change",
    "Counting",
    "Entry",
    "Ignore",
    "Limits",
    "MergeNode",
    "MergeRules",
    "Merged",
    "Problem",
    "Shared",
    "Snapshot",
    "StatCache",
    "Store",
    "Taken",
    "diff",
    "entries",
    "fresh",
    "list_snapshots",
    "merge",
    "read_blob",
    "resolve",
    "restore",
    "snapshot",
    "take",
    "verify",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
