"""The store: a local folder of immutable documents and objects.

Everything is written to `tmp/` first and then moved into place in one system call, so that a
process killed at any moment leaves temporary files and nothing else. Nothing in place is ever
written again; only hints (`overwrite`) are replaced, as a whole.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self

from blake3 import blake3

from ithaca.errors import Corrupt, NotFound, StoreError
from ithaca.store.naming import (
    DOCUMENTS,
    OBJECTS,
    OWN,
    SNAPSHOTS,
    TMP,
    child_names,
    document_path,
    folder_path,
    refuse,
)
from ithaca.store.snapshots.format import DAMAGED
from ithaca.store.version import STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_DIGEST = re.compile(r"[0-9a-f]{64}")
_STALE_SECONDS = 24 * 3600.0
_READ_ONLY = 0o444


class Store:
    """A local folder that holds snapshots and documents. Open it with `Store.open`.

    Attributes:
        path: The folder, absolute.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.abspath(path))
        self._root = os.fspath(self.path)

    @classmethod
    def open(cls, path: Path, *, create: bool = True) -> Self:
        """Open a store, and make one where none is.

        Args:
            path: The folder.
            create: Make it when it is missing.

        Raises:
            NotFound: It is missing and `create` is False.
            StoreError: It is no store (ITH400), of a newer format (ITH401) or cannot be written.

        Example:
            >>> from tempfile import mkdtemp
            >>> Store.open(Path(mkdtemp()) / "store").list("runs/")
            []
        """
        store = cls(Path(path))
        version = store.path / "version"
        if not os.path.exists(version):  # unlike pathlib's, it says no where nothing may be read
            if not create:
                raise NotFound("ITH402", "there is no store", where=store._root)
            store._lay_out()
        try:
            STORE.check(version.read_bytes(), store._root)
        except OSError as error:
            raise StoreError(
                "ITH400", f"the store cannot be read: {error.strerror}", where=store._root
            ) from None
        store._sweep()
        return store

    def share(self, snapshots: Iterable[str]) -> None:
        """Make snapshots reachable for all who share the store; those of a folder are at once."""

    def invalidate(self) -> None:
        """See what others wrote until now; listings of a folder are never old."""

    # Documents by name

    def create(self, name: str, data: bytes) -> bool:
        """Store a document under a name, once for all time.

        Args:
            name: Such as `runs/01J…/run`.
            data: Its bytes.

        Returns:
            False if there is a document of this name already; it stays as it is.

        Raises:
            UsageError: The name cannot be a document's name.
            StoreError: It cannot be written.

        Example:
            >>> from tempfile import mkdtemp
            >>> store = Store.open(Path(mkdtemp()) / "store")
            >>> store.create("keys/ab", b"1"), store.create("keys/ab", b"2"), store.read("keys/ab")
            (True, False, b'1')
        """
        final = f"{self._root}/{document_path(name)}"
        return self._create(final, data)

    def overwrite(self, name: str, data: bytes) -> None:
        """Store a document under a name and replace what was there. For hints only.

        Raises:
            UsageError: The name cannot be a document's name.
            StoreError: It cannot be written.
        """
        final = f"{self._root}/{document_path(name)}"
        self._publish(self._write_temporary(data), final)

    def read(self, name: str) -> bytes:
        """The bytes of a document.

        Raises:
            NotFound: There is none of this name.
        """
        return self._read(f"{self._root}/{document_path(name)}", f"document {name}")

    def exists(self, name: str) -> bool:
        """Whether there is a document of this name."""
        return os.path.isfile(f"{self._root}/{document_path(name)}")

    def list(self, prefix: str) -> list[str]:
        """Names of the direct children below a prefix, sorted; folders too, no temporary files.

        Args:
            prefix: Such as `runs/` (the last slash may be missing).

        Example:
            >>> from tempfile import mkdtemp
            >>> store = Store.open(Path(mkdtemp()) / "store")
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

    # Documents and objects by digest

    def put(self, data: bytes) -> str:
        """Store a document under its digest.

        Returns:
            Its digest: BLAKE3, 64 hex digits.

        Raises:
            StoreError: It cannot be written.

        Example:
            >>> from tempfile import mkdtemp
            >>> store = Store.open(Path(mkdtemp()) / "store")
            >>> store.get(store.put(b"hello"))
            b'hello'
        """
        return self._add(DOCUMENTS, data)

    def get(self, digest: str) -> bytes:
        """The document of this digest, its bytes checked.

        Raises:
            NotFound: There is none.
            Corrupt: Its bytes do not match the digest.
        """
        return self._checked(DOCUMENTS, digest, "document")

    def put_object(self, data: bytes) -> str:
        """Store bytes of a file, tree or attributes; returns their digest."""
        return self._add(OBJECTS, data)

    def get_object(self, digest: str) -> bytes:
        """The object of this digest, its bytes checked.

        Raises:
            NotFound: There is none.
            Corrupt: Its bytes do not match the digest.
        """
        return self._checked(OBJECTS, digest, "object")

    def has_object(self, digest: str, size: int) -> bool:
        """Whether an object is there and whole: a crash of the machine can leave it shorter."""
        return _holds(self.address(OBJECTS, digest), size)

    def address(self, folder: str, digest: str) -> str:
        """Path of what has this digest.

        Args:
            folder: `objects`, `documents` or `snapshots`.
            digest: 64 hex digits.

        Raises:
            NotFound: This is no digest, so nothing can have it.
        """
        if not _DIGEST.fullmatch(digest):
            raise NotFound("ITH402", f"{digest!r} is no digest", cure="a digest has 64 hex digits")
        return f"{self._root}/{folder}/{digest[:2]}/{digest[2:]}"

    def add_snapshot(self, digest: str, data: bytes) -> bool:
        """Publish the file of a snapshot; False if it was there: the first take wins."""
        return self._create(self.address(SNAPSHOTS, digest), data)

    def get_snapshot(self, digest: str) -> bytes:
        """The file of a snapshot.

        Raises:
            NotFound: There is no such snapshot.
        """
        return self._read(self.address(SNAPSHOTS, digest), f"snapshot {digest}")

    def digests(self, folder: str, start: str = "") -> tuple[str, ...]:
        """Digests of all that a folder holds, sorted; those that begin with `start`."""
        base = f"{self._root}/{folder}"
        found: list[str] = []
        for first in _names(base):
            if len(first) == 2 and (first.startswith(start[:2]) or not start):
                found.extend(first + rest for rest in _names(f"{base}/{first}"))
        wanted = (name for name in found if _DIGEST.fullmatch(name) and name.startswith(start))
        return tuple(sorted(wanted))

    # Temporary files, for what is too large for memory

    def temporary(self) -> tuple[int, str]:
        """A new temporary file, open for reading and writing: its descriptor and its path."""
        path = f"{self._root}/{TMP}/{os.getpid()}-{secrets.token_hex(8)}"
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            return os.open(path, flags, _READ_ONLY), path
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            return os.open(path, flags, _READ_ONLY), path
        except OSError as error:
            self.cannot_write(error)

    def publish_object(self, temporary: str, digest: str, size: int) -> None:
        """Move a complete temporary file to where objects of this digest are."""
        final = self.address(OBJECTS, digest)
        if _holds(final, size):
            os.unlink(temporary)
        else:
            self._publish(temporary, final)

    def cannot_write(self, error: OSError) -> NoReturn:
        """Say why the store cannot be written."""
        cures = {
            errno.ENOSPC: "free space on its disk, or set ITHACA_HOME to a folder on another one",
            errno.EDQUOT: "free space in your quota, or set ITHACA_HOME to another folder",
            errno.EPERM: "put the store on a file system that has hard links (ITHACA_HOME)",
        }
        raise StoreError(
            "ITH405",
            f"the store cannot be written: {error.strerror or error}",
            cure=cures.get(error.errno or 0, "set ITHACA_HOME to a folder that you may write"),
            where=self._root,
        ) from None

    # Below: how

    def _lay_out(self) -> None:
        known = OWN | {"keys", "runs"}
        if self.path.is_dir() and any(name not in known for name in os.listdir(self._root)):
            raise StoreError(
                "ITH400",
                "this folder is no store: it has no file `version`",
                cure="name an empty or missing folder",
                where=self._root,
            )
        try:
            for folder in (TMP, OBJECTS, DOCUMENTS, SNAPSHOTS):
                (self.path / folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.cannot_write(error)
        temporary = self._write_temporary(STORE.file())
        with contextlib.suppress(FileExistsError):  # another process was faster: the same bytes
            self._in_place(lambda: os.link(temporary, f"{self._root}/version"), self._root)
        os.unlink(temporary)

    def _sweep(self) -> None:
        """Remove temporary files of processes that died more than a day ago."""
        limit = time.time() - _STALE_SECONDS
        with contextlib.suppress(OSError), os.scandir(f"{self._root}/{TMP}") as found:
            for entry in found:
                with contextlib.suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < limit:
                        os.unlink(entry.path)

    def _add(self, folder: str, data: bytes) -> str:
        digest = blake3(data).hexdigest()
        final = f"{self._root}/{folder}/{digest[:2]}/{digest[2:]}"
        if not _holds(final, len(data)):
            self._publish(self._write_temporary(data), final)
        return digest

    def _write_temporary(self, data: bytes) -> str:
        descriptor, path = self.temporary()
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        except OSError as error:
            os.unlink(path)
            self.cannot_write(error)
        finally:
            os.close(descriptor)
        return path

    def _create(self, final: str, data: bytes) -> bool:
        if os.path.isfile(final):
            return False
        temporary = self._write_temporary(data)
        try:
            self._in_place(lambda: os.link(temporary, final), final)
        except FileExistsError:
            if not os.path.isfile(final):
                refuse(os.path.relpath(final, self._root), "there is a folder of this name")
            return False
        finally:
            os.unlink(temporary)
        return True

    def _publish(self, temporary: str, final: str) -> None:
        # Equal names hold equal bytes, so that replacing what another process just published
        # changes nothing; and what a crash of the machine cut short is healed.
        try:
            self._in_place(lambda: os.rename(temporary, final), final)
        except (FileExistsError, IsADirectoryError):
            os.unlink(temporary)
            refuse(os.path.relpath(final, self._root), "there is a folder of this name")

    def _in_place(self, move: Callable[[], None], final: str) -> None:
        try:
            move()
        except FileNotFoundError:
            try:
                os.makedirs(os.path.dirname(final), exist_ok=True)
            except (FileExistsError, NotADirectoryError):
                refuse(final, "one of its folders is a document")
            except OSError as error:
                self.cannot_write(error)
            move()
        except (FileExistsError, IsADirectoryError):
            raise
        except NotADirectoryError:
            refuse(final, "one of its folders is a document")
        except OSError as error:
            self.cannot_write(error)

    def _read(self, path: str, what: str) -> bytes:
        try:
            with open(path, "rb") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotFound("ITH402", f"there is no {what}", where=self._root) from None
        except OSError as error:
            raise StoreError(
                "ITH400", f"cannot read {what}: {error.strerror}", where=self._root
            ) from None

    def _checked(self, folder: str, digest: str, what: str) -> bytes:
        data = self._read(self.address(folder, digest), f"{what} {digest}")
        if blake3(data).hexdigest() != digest:
            raise Corrupt(
                "ITH403",
                f"the {what} {digest} is damaged: its bytes do not match its name",
                cure=DAMAGED,
                where=self._root,
            )
        return data


def _holds(path: str, size: int) -> bool:
    try:
        return os.stat(path).st_size == size
    except OSError:
        return False


def _names(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
