"""What a store is: documents, and a local folder with objects and snapshots.

Everything that only uses a store is annotated with `Store`; what needs no more than documents, with
`Documents`. `LocalStore` keeps its documents in the same folder, `SharedStore` on a remote.

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
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn, Protocol

from blake3 import blake3

from ithaca.errors import Corrupt, NotFound, StoreError
from ithaca.store.naming import OBJECTS, SNAPSHOTS, TMP, refuse
from ithaca.store.version import DAMAGED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_DIGEST = re.compile(r"[0-9a-f]{64}")
_READ_ONLY = 0o444


class Documents(Protocol):
    """Immutable documents, by name or by digest."""

    def create(self, name: str, data: bytes) -> bool:
        """Store a document under a name, once and for all.

        Args:
            name: Such as `runs/01J…/run`.
            data: Its bytes.

        Returns:
            False if a document of this name exists already; it stays unchanged.

        Raises:
            UsageError: The name is not valid.
            StoreError: The store cannot be written.
        """

    def read(self, name: str) -> bytes:
        """The bytes of a document.

        Raises:
            NotFound: There is no document of this name.
        """

    def list(self, prefix: str) -> list[str]:
        """Sorted names of the documents and folders directly below a prefix.

        Args:
            prefix: Such as `runs/`; the last slash is optional.
        """

    def get(self, digest: str) -> bytes:
        """The document with this digest, verified.

        Raises:
            NotFound: There is no such document.
            Corrupt: Its bytes do not match the digest.
        """

    def invalidate(self) -> None:
        """Discard cached listings, so that documents of other writers are visible."""


class Store(Documents):
    """Documents, objects and snapshots.

    Attributes:
        path: The local folder, absolute.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.abspath(path))
        self._root = os.fspath(self.path)

    @abstractmethod
    def share(self, snapshots: Iterable[str]) -> None:
        """Make snapshots available to everyone who uses the store."""

    @abstractmethod
    def overwrite(self, name: str, data: bytes) -> None:
        """Store a document under a name and replace the previous one. For hints only.

        Raises:
            UsageError: The name is not valid.
            StoreError: The store cannot be written.
        """

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Whether there is a document of this name."""

    @abstractmethod
    def put(self, data: bytes) -> str:
        """Store a document under its digest: BLAKE3, 64 hex digits, which is returned.

        Raises:
            StoreError: The store cannot be written.
        """

    # Objects and snapshots by digest

    def put_object(self, data: bytes) -> str:
        """Store the bytes of a file, tree or attributes; returns their digest."""
        return self._add(OBJECTS, data)

    def get_object(self, digest: str) -> bytes:
        """The object with this digest, verified.

        Raises:
            NotFound: There is no such object.
            Corrupt: Its bytes do not match the digest.
        """
        return self._checked(OBJECTS, digest, "object")

    def open_object(self, digest: str) -> BinaryIO:
        """The file of an object, which is not verified.

        Raises:
            NotFound: There is no such object.
            StoreError: It cannot be read.
        """
        with self._reading(f"object {digest}"):
            return open(self.address(OBJECTS, digest), "rb")

    def has_object(self, digest: str, size: int) -> bool:
        """Whether an object exists with its full size; a system crash can truncate it."""
        return _holds(self.address(OBJECTS, digest), size)

    def address(self, folder: str, digest: str) -> str:
        """Local path of the file with this digest.

        Args:
            folder: `objects`, `documents` or `snapshots`.
            digest: 64 hex digits.

        Raises:
            NotFound: This is not a digest.
        """
        if not _DIGEST.fullmatch(digest):
            raise NotFound(
                "ITH402", f"{digest!r} is not a digest", cure="a digest has 64 hex digits"
            )
        return f"{self._root}/{folder}/{digest[:2]}/{digest[2:]}"

    def add_snapshot(self, digest: str, data: bytes) -> bool:
        """Publish the file of a snapshot; False if it exists already: the first one wins."""
        return self._create(self.address(SNAPSHOTS, digest), data)

    def get_snapshot(self, digest: str) -> bytes:
        """The file of a snapshot.

        Raises:
            NotFound: There is no such snapshot.
        """
        return self._read(self.address(SNAPSHOTS, digest), f"snapshot {digest}")

    def digests(self, folder: str, start: str = "") -> tuple[str, ...]:
        """Sorted digests of everything in a local folder; only those that begin with `start`."""
        base = f"{self._root}/{folder}"
        found: list[str] = []
        for first in _names(base):
            if len(first) == 2 and (first.startswith(start[:2]) or not start):
                found.extend(first + rest for rest in _names(f"{base}/{first}"))
        wanted = (name for name in found if _DIGEST.fullmatch(name) and name.startswith(start))
        return tuple(sorted(wanted))

    # Temporary files, for data that does not fit in memory

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
            self._cannot_write(error)

    def publish_object(self, temporary: str, digest: str, size: int) -> None:
        """Move a complete temporary file to its place among the objects."""
        final = self.address(OBJECTS, digest)
        if _holds(final, size):
            os.unlink(temporary)
        else:
            self._publish(temporary, final)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Turn system errors into the error for a store that cannot be written."""
        try:
            yield
        except OSError as error:
            self._cannot_write(error)

    def _cannot_write(self, error: OSError) -> NoReturn:
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

    def _add(self, folder: str, data: bytes) -> str:
        digest = blake3(data).hexdigest()
        final = f"{self._root}/{folder}/{digest[:2]}/{digest[2:]}"
        if not _holds(final, len(data)):
            self._publish(self._write_temporary(data), final)
        return digest

    def _write_temporary(self, data: bytes) -> str:
        descriptor, path = self.temporary()
        try:
            write_all(descriptor, data)
        except OSError as error:
            os.unlink(path)
            self._cannot_write(error)
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
            try:
                move()
            except FileNotFoundError:
                os.makedirs(os.path.dirname(final), exist_ok=True)
                move()
        except NotADirectoryError:
            refuse(final, "one of its folders is a document")
        except (FileExistsError, IsADirectoryError):
            raise
        except OSError as error:
            self._cannot_write(error)

    def _read(self, path: str, what: str) -> bytes:
        with self._reading(what), open(path, "rb") as file:
            return file.read()

    @contextlib.contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            raise NotFound("ITH402", f"no {what}", where=self._root) from None
        except OSError as error:
            raise StoreError(
                "ITH400", f"cannot read {what}: {error.strerror}", where=self._root
            ) from None

    def _checked(self, folder: str, digest: str, what: str) -> bytes:
        data = self._read(self.address(folder, digest), f"{what} {digest}")
        if blake3(data).hexdigest() != digest:
            raise damaged(digest, what, self._root)
        return data


def write_all(target: int, data: bytes | memoryview) -> None:
    """Write all bytes to an open file."""
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


def damaged(digest: str, what: str = "object", where: str = "") -> Corrupt:
    """The error for an object or document whose bytes do not match its digest."""
    return Corrupt(
        "ITH403",
        f"the {what} {digest} is damaged: its bytes do not match its digest",
        cure=DAMAGED,
        where=where,
    )


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
