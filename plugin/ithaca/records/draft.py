"""Documents that are kept in memory: what would be written, without writing it.

`observe` computes the ends that `reconcile` would write by running the same code over a draft, so
that a view and the store never disagree and a view writes nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.store import Documents


class Draft:
    """A store with more documents on top of it, which stay in memory.

    Args:
        store: The store; it is only read.
        written: Documents by name to begin with.

    Attributes:
        written: The documents that are not in the store.

    Example:
        >>> from tempfile import mkdtemp
        >>> from ithaca.store import LocalStore, Store
        >>> store = LocalStore.open(mkdtemp() + "/store")
        >>> draft = Draft(store)
        >>> draft.create("runs/1/end", b"1"), draft.create("runs/1/end", b"2")
        (True, False)
        >>> draft.read("runs/1/end"), draft.list("runs/1"), store.list("runs/1")
        (b'1', ['end'], [])
    """

    def __init__(self, store: Documents, written: Mapping[str, bytes] | None = None) -> None:
        self._store = store
        self.written = dict(written or {})

    def create(self, name: str, data: bytes) -> bool:
        """Keep a document in memory; False when there is one of this name already."""
        try:
            self.read(name)
        except NotFound:
            self.written[name] = data
            return True
        return False

    def read(self, name: str) -> bytes:
        """The bytes of a document; the store's own come first."""
        try:
            return self._store.read(name)
        except NotFound:
            if name not in self.written:
                raise
            return self.written[name]

    def list(self, prefix: str) -> list[str]:
        """Names of the direct children below a prefix."""
        folder = prefix.rstrip("/") + "/"
        below = (name[len(folder) :] for name in self.written if name.startswith(folder))
        return sorted({*self._store.list(prefix), *(name.partition("/")[0] for name in below)})

    def invalidate(self) -> None:
        """Discard cached listings of the store."""
        self._store.invalidate()

    def get(self, digest: str) -> bytes:
        """The bytes of a content-addressed document."""
        return self._store.get(digest)
