"""Remotes: stores that other machines can reach, in S3, Google Cloud Storage, Azure or a folder.

`push` sends what a remote lacks, `pull` fetches what the local store lacks, `verify` reads a remote
and checks it. Small objects travel in packs and large ones in chunks, all of them named by their
digests and created once, so that any number of writers need no lock and what was interrupted goes
on when it is repeated. `obstore` (the extra `s3`) does the requests; it is imported when a remote
is opened. May import `ithaca.errors` and the store; the records' `travel` and the command line use
it. The layout is specified in `docs/store-format.md`.

Example:
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from ithaca.store import Ignore, Store, take
    >>> from ithaca.store.remotes import Remote, pull, push
    >>> home = Path(mkdtemp())
    >>> here, there = Store.open(home / "here"), Store.open(home / "there")
    >>> _ = (home / "work").mkdir(), (home / "work" / "a.txt").write_text("hello")
    >>> digest = take(here, home / "work", ignore=Ignore()).digest
    >>> remote = Remote.open(f"file://{home}/remote", create=True)
    >>> push(here, remote, [digest]).snapshots, pull(there, remote, [digest]).snapshots
    (1, 1)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ithaca.store.remotes.checker import verify
    from ithaca.store.remotes.names import (
        documents_below,
        list_documents,
        list_runs,
        list_snapshots,
        resolve,
    )
    from ithaca.store.remotes.puller import Pulled, pull
    from ithaca.store.remotes.pusher import Pushed, push
    from ithaca.store.remotes.remote import Remote

_HOMES = {
    "Pulled": "puller",
    "Pushed": "pusher",
    "Remote": "remote",
    "documents_below": "names",
    "list_documents": "names",
    "list_runs": "names",
    "list_snapshots": "names",
    "pull": "puller",
    "push": "pusher",
    "resolve": "names",
    "verify": "checker",
}

__all__ = [
    "Pulled",
    "Pushed",
    "Remote",
    "documents_below",
    "list_documents",
    "list_runs",
    "list_snapshots",
    "pull",
    "push",
    "resolve",
    "verify",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
