"""A project's store together with a remote: what is written is what others see."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ithaca.errors import NotFound
from ithaca.store.local import Store
from ithaca.store.naming import DOCUMENTS, child_names, folder_path
from ithaca.store.remotes.layout import place
from ithaca.store.remotes.names import document_place, documents_below
from ithaca.store.remotes.puller import pull
from ithaca.store.remotes.pusher import push

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ithaca.store.remotes.remote import Remote

LISTED = 0.5
"""Seconds for which the listing of a run's documents answers for them."""

_HINTS = ("progress", "notebook.ipynb")
"""Last parts of the names of documents that are overwritten."""

_DECIDED = ("keys/", "locks/", "engines/")
"""Names that mean something else on each remote: the folder, which may serve several, has none."""

_RUN = 2
"""Parts of the name of a run's folder: `runs/ID`."""


class Shared(Store):
    """A store whose documents are those of a remote; its own folder keeps what was seen of them.

    Names are created on the remote, which decides who was first. Snapshots are taken and merged in
    the folder, fetched whole when one is missing there, and sent by `share`.

    Attributes:
        remote: The remote.
    """

    remote: Remote
    _own: Store
    _cache: Path
    _lock: threading.Lock
    _listed: dict[str, tuple[float, frozenset[str]]]

    @classmethod
    def attach(cls, path: Path, remote: Remote, *, cache: Path) -> Self:
        """The store in a folder, which is made where there is none, with a remote.

        Args:
            path: The folder.
            remote: The remote.
            cache: Folder for what is known of the remote's packs.

        Example:
            >>> from tempfile import mkdtemp
            >>> from ithaca.store.remotes import Remote
            >>> home = Path(mkdtemp())
            >>> remote = Remote.open(f"file://{home}/remote", create=True)
            >>> one = Shared.attach(home / "one", remote, cache=home / "cache")
            >>> two = Shared.attach(home / "two", remote, cache=home / "cache")
            >>> one.create("keys/ab", b"1"), two.create("keys/ab", b"2"), two.read("keys/ab")
            (True, False, b'1')
        """
        store = cls.open(path)
        store.remote, store._cache = remote, cache
        store._lock = threading.Lock()
        store._listed = {}
        store._own = Store(store.path)
        return store

    def share(self, snapshots: Iterable[str]) -> None:
        """Send what the remote lacks of snapshots."""
        push(self._own, self.remote, snapshots, cache=self._cache)

    def invalidate(self) -> None:
        """Forget what the remote listed a moment ago."""
        with self._lock:
            self._listed.clear()

    def create(self, name: str, data: bytes) -> bool:
        """Store a document under a name, unless anybody did so before."""
        path = document_place(name)
        # A request that was repeated may be told that it came too late for itself.
        stands = data if self.remote.create(path, data) else self.remote.get(path)
        if not name.startswith(_DECIDED):
            super().create(name, stands)
        self._note(name)  # whoever lost may read at once what won
        return stands == data

    def overwrite(self, name: str, data: bytes) -> None:
        """Replace a hint, there and here."""
        self.remote.overwrite(document_place(name), data)
        super().overwrite(name, data)
        self._note(name)

    def read(self, name: str) -> bytes:
        """The bytes of a document; what never changes is asked of the remote once."""
        if name.rpartition("/")[2] in _HINTS or name.startswith("environments/"):
            try:
                return self._fetched(name)
            except NotFound:
                return super().read(name)
        if name.startswith(_DECIDED):
            return self._fetched(name)
        try:
            return super().read(name)
        except NotFound:
            data = self._fetched(name)
            super().create(name, data)
            return data

    def exists(self, name: str) -> bool:
        """Whether there is a document of this name, here or there."""
        if not name.startswith(_DECIDED) and super().exists(name):
            return True
        run = _run_of(name)
        return name in self._below(run) if run else self.remote.exists(document_place(name))

    def list(self, prefix: str) -> list[str]:
        """Names of the direct children below a prefix, here or there."""
        folder = prefix.rstrip("/")
        run = _run_of(f"{folder}/")
        if run:
            below = f"{folder}/"
            names = (one[len(below) :] for one in self._below(run) if one.startswith(below))
            found = {one.partition("/")[0] for one in names}
        else:
            found = set(child_names(self.remote.children(folder_path(folder))))
        return sorted({*super().list(prefix), *found})

    def put(self, data: bytes) -> str:
        """Store a document under its digest, here and there."""
        digest = super().put(data)
        self.remote.create(place(DOCUMENTS, digest), data)
        return digest

    def get(self, digest: str) -> bytes:
        """The document of this digest, fetched when it is not here."""
        try:
            return super().get(digest)
        except NotFound:
            pull(self._own, self.remote, documents=[digest], cache=self._cache)
            return super().get(digest)

    def get_snapshot(self, digest: str) -> bytes:
        """A snapshot's own file; one that is not here is fetched with all that it reaches."""
        try:
            return super().get_snapshot(digest)
        except NotFound:
            pull(self._own, self.remote, [digest], cache=self._cache)
            return super().get_snapshot(digest)

    def _fetched(self, name: str) -> bytes:
        run = _run_of(name)
        if run and name not in self._below(run):
            raise NotFound("ITH402", f"there is no document {name}", where=self.remote.url)
        return self.remote.get(document_place(name))

    def _below(self, run: str) -> frozenset[str]:
        """Names of a run's documents on the remote, as they were a moment ago."""
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
    """The folder of the run that a document belongs to; empty when it belongs to none."""
    parts = name.split("/")
    return "/".join(parts[:_RUN]) if parts[0] == "runs" and len(parts) > _RUN else ""
