"""A store whose documents are in its local folder."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ithaca.errors import NotFound, StoreError
from ithaca.store.base import Store
from ithaca.store.naming import (
    DOCUMENTS,
    OBJECTS,
    OWN,
    SNAPSHOTS,
    TMP,
    child_names,
    document_path,
    folder_path,
)
from ithaca.store.version import STORE

if TYPE_CHECKING:
    from collections.abc import Iterable

_STALE_SECONDS = 24 * 3600.0


class LocalStore(Store):
    """A local folder that holds snapshots and documents. Open it with `LocalStore.open`.

    Attributes:
        path: The folder, absolute.
    """

    @classmethod
    def open(cls, path: Path, *, create: bool = True) -> Self:
        """Open a store.

        Args:
            path: The folder.
            create: Create the store if it is missing.

        Raises:
            NotFound: It is missing and `create` is False.
            StoreError: The folder is not a store (ITH400), has a newer format (ITH401) or cannot
                be written (ITH405).

        Example:
            >>> from tempfile import mkdtemp
            >>> LocalStore.open(Path(mkdtemp()) / "store").list("runs/")
            []
        """
        store = cls(Path(path))
        version = store.path / "version"
        if not os.path.exists(version):  # pathlib's method raises if the folder is unreadable
            if not create:
                raise NotFound("ITH402", "no store in this folder", where=store._root)
            store._lay_out()
        try:
            STORE.check(version.read_bytes(), store._root)
        except OSError as error:
            raise StoreError(
                "ITH400", f"cannot read the store: {error.strerror}", where=store._root
            ) from None
        store._sweep()
        return store

    def share(self, snapshots: Iterable[str]) -> None:
        """Nothing to do: everything in the folder is visible at once."""

    def invalidate(self) -> None:
        """Nothing to do: listings of a folder are not cached."""

    # Documents by name

    def create(self, name: str, data: bytes) -> bool:
        """Store a document under a name, unless one exists.

        Example:
            >>> from tempfile import mkdtemp
            >>> store = LocalStore.open(Path(mkdtemp()) / "store")
            >>> store.create("keys/ab", b"1"), store.create("keys/ab", b"2"), store.read("keys/ab")
            (True, False, b'1')
        """
        return self._create(f"{self._root}/{document_path(name)}", data)

    def overwrite(self, name: str, data: bytes) -> None:
        """Replace a hint."""
        self._publish(self._write_temporary(data), f"{self._root}/{document_path(name)}")

    def read(self, name: str) -> bytes:
        """The bytes of a document."""
        return self._read(f"{self._root}/{document_path(name)}", f"document {name}")

    def exists(self, name: str) -> bool:
        """Whether there is a document of this name."""
        return os.path.isfile(f"{self._root}/{document_path(name)}")

    def list(self, prefix: str) -> list[str]:
        """Sorted names directly below a prefix.

        Example:
            >>> from tempfile import mkdtemp
            >>> store = LocalStore.open(Path(mkdtemp()) / "store")
            >>> _ = store.create("runs/1/end/1/start", b""), store.create("runs/1/end", b"")
            >>> store.list("runs/"), store.list("runs/1")
            (['1'], ['end'])
        """
        folder = f"{self._root}/{folder_path(prefix)}"
        try:
            names = os.listdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise StoreError("ITH400", f"cannot list: {error.strerror}", where=folder) from None
        return child_names(names)

    # Documents by digest

    def put(self, data: bytes) -> str:
        """Store a document under its digest.

        Example:
            >>> from tempfile import mkdtemp
            >>> store = LocalStore.open(Path(mkdtemp()) / "store")
            >>> store.get(store.put(b"hello"))
            b'hello'
        """
        return self._add(DOCUMENTS, data)

    def get(self, digest: str) -> bytes:
        """The document with this digest, verified."""
        return self._checked(DOCUMENTS, digest, "document")

    def _lay_out(self) -> None:
        known = OWN | {"keys", "runs"}
        if self.path.is_dir() and any(name not in known for name in os.listdir(self._root)):
            raise StoreError(
                "ITH400",
                "this folder is not a store: it has no file `version`",
                cure="use an empty or a new folder",
                where=self._root,
            )
        with self.writing():
            for folder in (TMP, OBJECTS, DOCUMENTS, SNAPSHOTS):
                (self.path / folder).mkdir(parents=True, exist_ok=True)
        temporary = self._write_temporary(STORE.file())
        with contextlib.suppress(FileExistsError):  # another process created it: same content
            self._in_place(lambda: os.link(temporary, f"{self._root}/version"), self._root)
        os.unlink(temporary)

    def _sweep(self) -> None:
        """Remove temporary files that are more than a day old."""
        limit = time.time() - _STALE_SECONDS
        with contextlib.suppress(OSError), os.scandir(f"{self._root}/{TMP}") as found:
            for entry in found:
                with contextlib.suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < limit:
                        os.unlink(entry.path)
