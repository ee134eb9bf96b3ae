"""A store in a local folder.

Every file is written to `tmp/` and then moved into place with one system call, so a process that is
killed leaves nothing but temporary files. A file in place is never written again; only hints
(`overwrite`) are replaced, as a whole.
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
from ithaca.store.version import DAMAGED, STORE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_DIGEST = re.compile(r"[0-9a-f]{64}")
_STALE_SECONDS = 24 * 3600.0
_READ_ONLY = 0o444


class LocalStore:
    """A local folder that holds snapshots and documents. Open it with `LocalStore.open`.

    Attributes:
        path: The folder, absolute.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.abspath(path))
        self._root = os.fspath(self.path)

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

    # Documents, objects and snapshots by digest

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

    def put_object(self, data: bytes) -> str:
        """Store the bytes of a file, tree or attributes."""
        return self._add(OBJECTS, data)

    def get_object(self, digest: str) -> bytes:
        """The object with this digest, verified."""
        return self._checked(OBJECTS, digest, "object")

    def has_object(self, digest: str, size: int) -> bool:
        """Whether an object exists with its full size."""
        return _holds(self.address(OBJECTS, digest), size)

    def address(self, folder: str, digest: str) -> str:
        """Path of the file with this digest."""
        if not _DIGEST.fullmatch(digest):
            raise NotFound(
                "ITH402", f"{digest!r} is not a digest", cure="a digest has 64 hex digits"
            )
        return f"{self._root}/{folder}/{digest[:2]}/{digest[2:]}"

    def add_snapshot(self, digest: str, data: bytes) -> bool:
        """Publish the file of a snapshot, unless it exists."""
        return self._create(self.address(SNAPSHOTS, digest), data)

    def get_snapshot(self, digest: str) -> bytes:
        """The file of a snapshot."""
        return self._read(self.address(SNAPSHOTS, digest), f"snapshot {digest}")

    def digests(self, folder: str, start: str = "") -> tuple[str, ...]:
        """Sorted digests of everything in a folder that begin with `start`."""
        base = f"{self._root}/{folder}"
        found: list[str] = []
        for first in _names(base):
            if len(first) == 2 and (first.startswith(start[:2]) or not start):
                found.extend(first + rest for rest in _names(f"{base}/{first}"))
        wanted = (name for name in found if _DIGEST.fullmatch(name) and name.startswith(start))
        return tuple(sorted(wanted))

    # Temporary files, for data that does not fit in memory

    def temporary(self) -> tuple[int, str]:
        """A new temporary file, open for reading and writing."""
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
        """Move a complete temporary file to its place among the objects."""
        final = self.address(OBJECTS, digest)
        if _holds(final, size):
            os.unlink(temporary)
        else:
            self._publish(temporary, final)

    def cannot_write(self, error: OSError) -> NoReturn:
        """Raise the error for a store that cannot be written."""
        cures = {
            errno.ENOSPC: "free some disk space, or set ITHACA_HOME to a folder on another disk",
            errno.EDQUOT: "free some of your quota, or set ITHACA_HOME to another folder",
            errno.EPERM: "use a file system that supports hard links (set ITHACA_HOME)",
        }
        raise StoreError(
            "ITH405",
            f"cannot write to the store: {error.strerror or error}",
            cure=cures.get(error.errno or 0, "set ITHACA_HOME to a folder that you can write"),
            where=self._root,
        ) from None

    def _lay_out(self) -> None:
        known = OWN | {"keys", "runs"}
        if self.path.is_dir() and any(name not in known for name in os.listdir(self._root)):
            raise StoreError(
                "ITH400",
                "this folder is not a store: it has no file `version`",
                cure="use an empty or a new folder",
                where=self._root,
            )
        try:
            for folder in (TMP, OBJECTS, DOCUMENTS, SNAPSHOTS):
                (self.path / folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self.cannot_write(error)
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
                refuse(os.path.relpath(final, self._root), "a folder has this name")
            return False
        finally:
            os.unlink(temporary)
        return True

    def _publish(self, temporary: str, final: str) -> None:
        # Replacing a file that another process just published changes nothing, because the same
        # digest means the same bytes; and it repairs a file that a system crash truncated.
        try:
            self._in_place(lambda: os.rename(temporary, final), final)
        except (FileExistsError, IsADirectoryError):
            os.unlink(temporary)
            refuse(os.path.relpath(final, self._root), "a folder has this name")

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
            raise NotFound("ITH402", f"no {what}", where=self._root) from None
        except OSError as error:
            raise StoreError(
                "ITH400", f"cannot read {what}: {error.strerror}", where=self._root
            ) from None

    def _checked(self, folder: str, digest: str, what: str) -> bytes:
        data = self._read(self.address(folder, digest), f"{what} {digest}")
        if blake3(data).hexdigest() != digest:
            raise Corrupt(
                "ITH403",
                f"the {what} {digest} is damaged: its bytes do not match its digest",
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
