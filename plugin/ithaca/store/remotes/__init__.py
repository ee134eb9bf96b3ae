"""Remotes: stores in S3, Google Cloud Storage, Azure or a folder, shared by several machines.

`push` sends what a remote lacks, `pull` copies what a store lacks, `verify` reads a remote and
checks it. Small objects travel in packs and large ones in chunks; all are named by their digest and
created once, so any number of writers need no lock, and an interrupted transfer continues when it
is repeated. Requests go through a provider (`ithaca.store.providers`) and `obstore`,
which is imported when a remote is opened. May import `ithaca.errors` and the store. The layout is
specified in `docs/store-format.md`.

Example:
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from ithaca.store import Ignore, LocalStore, take
    >>> from ithaca.store.remotes import Remote, pull, push
    >>> home = Path(mkdtemp())
    >>> here, there = LocalStore.open(home / "here"), LocalStore.open(home / "there")
    >>> _ = (home / "work").mkdir(), (home / "work" / "a.txt").write_text("hello")
    >>> digest = take(here, home / "work", ignore=Ignore()).digest
    >>> remote = Remote.open(f"file://{home}/remote", create=True)
    >>> push(here, remote, [digest]).snapshots, pull(there, remote, [digest]).snapshots
    (1, 1)
"""

from __future__ import annotations

from ithaca.store.remotes.checker import verify
from ithaca.store.remotes.puller import pull
from ithaca.store.remotes.pusher import push
from ithaca.store.remotes.remote import (
    Remote,
    documents_below,
    list_documents,
    list_runs,
    list_snapshots,
    resolve,
)
from ithaca.store.remotes.transfer import Transfer

__all__ = [
    "Remote",
    "Transfer",
    "documents_below",
    "list_documents",
    "list_runs",
    "list_snapshots",
    "pull",
    "push",
    "resolve",
    "verify",
]
