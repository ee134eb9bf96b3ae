"""A local store together with a remote, which everyone who uses the remote sees."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from ithaca.errors import NotFound
from ithaca.store.base import Store
from ithaca.store.naming import DOCUMENTS, child_names, document_path, folder_path
from ithaca.store.remotes.layout import place
from ithaca.store.remotes.puller import pull
from ithaca.store.remotes.pusher import push
from ithaca.store.remotes.remote import documents_below

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ithaca.store.local import LocalStore
    from ithaca.store.remotes.remote import Remote

LISTED = 0.5
"""Seconds for which a listing of a run's documents is used."""

_HINTS = ("progress", "reports", "notebook.ipynb")
"""Last parts of the names of documents that are overwritten."""

_DECIDED = ("keys/", "locks/", "engines/")
"""Documents whose content depends on the remote. They are not kept in the local folder, which may
be used with several remotes."""

_RUN = 2
"""Parts of the name of a run's folder: `runs/ID`."""


class SharedStore(Store):
    """A store whose documents are those of a remote, cached in a local store.

    Names are created on the remote, which decides who was first. Snapshots are taken and merged
    locally, pulled whole when they are missing, and pushed by `share`.

    Args:
        local: The local store.
        remote: The remote.
        cache: Folder for the remote's indexes.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> from ithaca.store import LocalStore
        >>> from ithaca.store.remotes import Remote
        >>> home = Path(mkdtemp())
        >>> remote = Remote.open(f"file://{home}/remote", create=True)
        >>> one = SharedStore(LocalStore.open(home / "one"), remote, cache=home / "cache")
        >>> two = SharedStore(LocalStore.open(home / "two"), remote, cache=home / "cache")
        >>> one.create("keys/ab", b"1"), two.create("keys/ab", b"2"), two.read("keys/ab")
        (True, False, b'1')
    """

    def __init__(self, local: LocalStore, remote: Remote, *, cache: Path) -> None:
        super().__init__(local.path)
        self.local = local
        self.remote = remote
        self._cache = cache
        self._lock = threading.Lock()
        self._listed: dict[str, tuple[float, frozenset[str]]] = {}

    def share(self, snapshots: Iterable[str]) -> None:
        """Push the parts of snapshots that the remote lacks."""
        push(self.local, self.remote, snapshots, cache=self._cache)

    def invalidate(self) -> None:
        """Discard cached listings of the remote."""
        with self._lock:
            self._listed.clear()

    # Documents: the remote decides, the local store caches

    def create(self, name: str, data: bytes) -> bool:
        """Store a document under a name, unless one exists."""
        path = document_path(name)
        # A repeated request can be told that the name exists although it created the name itself.
        stored = data if self.remote.create(path, data) else self.remote.get(path)
        if not name.startswith(_DECIDED):
            self.local.create(name, stored)
        self._note(name)  # so that a losing writer can read the winner's document at once
        return stored == data

    def overwrite(self, name: str, data: bytes) -> None:
        """Replace a hint on the remote and locally."""
        self.remote.overwrite(document_path(name), data)
        self.local.overwrite(name, data)
        self._note(name)

    def read(self, name: str) -> bytes:
        """The bytes of a document. Documents that never change are fetched once."""
        if name.rpartition("/")[2] in _HINTS or name.startswith("environments/"):
            try:
                return self._fetch(name)
            except NotFound:
                return self.local.read(name)
        if name.startswith(_DECIDED):
            return self._fetch(name)
        try:
            return self.local.read(name)
        except NotFound:
            data = self._fetch(name)
            self.local.create(name, data)
            return data

    def exists(self, name: str) -> bool:
        """Whether there is a document of this name, local or remote."""
        if not name.startswith(_DECIDED) and self.local.exists(name):
            return True
        run = _run_of(name)
        return name in self._below(run) if run else self.remote.exists(document_path(name))

    def list(self, prefix: str) -> list[str]:
        """Sorted names directly below a prefix, local or remote."""
        folder = prefix.rstrip("/")
        run = _run_of(f"{folder}/")
        if run:
            below = f"{folder}/"
            names = (one[len(below) :] for one in self._below(run) if one.startswith(below))
            found = {one.partition("/")[0] for one in names}
        else:
            found = set(child_names(self.remote.children(folder_path(folder))))
        return sorted({*self.local.list(prefix), *found})

    def put(self, data: bytes) -> str:
        """Store a document under its digest, on the remote and locally."""
        digest = self.local.put(data)
        self.remote.create(place(DOCUMENTS, digest), data)
        return digest

    def get(self, digest: str) -> bytes:
        """The document with this digest; pulled if it is not local."""
        try:
            return self.local.get(digest)
        except NotFound:
            pull(self.local, self.remote, documents=[digest], cache=self._cache)
            return self.local.get(digest)

    def get_snapshot(self, digest: str) -> bytes:
        """The file of a snapshot; the whole snapshot is pulled if it is not local."""
        try:
            return super().get_snapshot(digest)
        except NotFound:
            pull(self.local, self.remote, [digest], cache=self._cache)
            return super().get_snapshot(digest)

    def _fetch(self, name: str) -> bytes:
        run = _run_of(name)
        if run and name not in self._below(run):
            raise NotFound("ITH402", f"no document {name}", where=self.remote.url)
        return self.remote.get(document_path(name))

    def _below(self, run: str) -> frozenset[str]:
        """Names of a run's documents on the remote, from a listing at most `LISTED` old."""
        with self._lock:
            until, names = self._listed.get(run, (0.0, frozenset()))
            if time.monotonic() >= until:
                names = frozenset(documents_below(self.remote, run))
                self._listed[run] = (time.monotonic() + LISTED, names)
            return names

    def _note(self, name: str) -> None:
        run = _run_of(name)
        with self._lock:
            if run in self._listed:
                until, names = self._listed[run]
                self._listed[run] = (until, names | {name})


def _run_of(name: str) -> str:
    """The folder of a document's run; empty if it does not belong to one."""
    parts = name.split("/")
    return "/".join(parts[:_RUN]) if parts[0] == "runs" and len(parts) > _RUN else ""
