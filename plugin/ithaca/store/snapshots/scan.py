"""Scan a folder before its files are read: names, stats, and what is left out."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import stat
from typing import TYPE_CHECKING, NoReturn

from ithaca.errors import StoreError
from ithaca.store.snapshots.format import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ithaca.store.snapshots.cache import StatCache
    from ithaca.store.snapshots.ignore import Ignore

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""Non-blocking, in case a pipe replaces a file."""


@contextlib.contextmanager
def opened(
    path: str | bytes, flags: int, mode: int = 0o777, *, dir_fd: int | None = None
) -> Iterator[int]:
    """Open a file or folder for a block, as `os.open` does."""
    descriptor = os.open(path, flags, mode, dir_fd=dir_fd)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@dataclasses.dataclass(slots=True)
class Found:
    """One path below the root.

    Attributes:
        name: Its name in the file system.
        path: Relative to the root; empty for the root.
        status: Result of `lstat`.
        children: Entries of a folder, sorted by name; None if it is not a folder.
        bytes: Total size of the files at and below this path.
        files: How many files there are.
    """

    name: bytes
    path: bytes
    status: os.stat_result
    children: list[Found] | None = None
    bytes: int = 0
    files: int = 0

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.children is not None

    @property
    def text(self) -> str:
        """The path as text; bytes that are not UTF-8 become surrogates."""
        return text(self.path)

    def walk(self) -> Iterator[Found]:
        """Every path below this one."""
        for child in self.children or ():
            yield child
            yield from child.walk()


def text(path: bytes) -> str:
    """A path as text, independent of the locale."""
    return path.decode("utf-8", "surrogateescape")


def join(path: bytes, name: bytes) -> bytes:
    """The path of a name in a folder; the path of the root is empty."""
    return path + b"/" + name if path else name


class Scan:
    """A scanned folder.

    Attributes:
        root: The tree.
        left_out: Paths that look like credentials.
        ignored: Topmost paths that the user's patterns leave out; in a step also those that a
            default leaves out, because the step created them.
        skipped: Sockets, pipes and devices.
    """

    def __init__(
        self, descriptor: int, ignore: Ignore, *, besides: tuple[int, int], where: str
    ) -> None:
        """Scan a folder.

        Args:
            descriptor: Descriptor of the open root.
            ignore: What to leave out.
            besides: Device and inode of a folder to skip: the store itself.
            where: The root, for messages.

        Raises:
            StoreError: A folder cannot be read (ITH406) or is nested too deeply (ITH414).
        """
        self._ignore = ignore
        self._besides = besides
        self._where = where
        self.root = Found(b"", b"", os.fstat(descriptor), [])
        self.left_out: list[str] = []
        self.ignored: list[str] = []
        self.skipped: list[str] = []
        self._list(descriptor, self.root, 0)

    def _list(self, descriptor: int, folder: Found, depth: int) -> None:
        """Fill in a folder's children, sorted by name."""
        if depth > MAX_DEPTH:
            raise StoreError(
                "ITH414",
                f"{folder.text}: folders are nested more than {MAX_DEPTH} deep",
                cure="add a line to .ithacaignore that leaves it out",
                where=self._where,
            )
        children = folder.children if folder.children is not None else []
        for name in sorted(_names(descriptor)):
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:
                continue  # deleted since the folder was listed
            child = Found(name, join(folder.path, name), status)
            if self._takes(child) and (
                not stat.S_ISDIR(status.st_mode) or self._enter(descriptor, child, depth)
            ):
                children.append(child)
                folder.bytes += child.bytes
                folder.files += child.files

    def _takes(self, child: Found) -> bool:
        mode = child.status.st_mode
        if (child.status.st_dev, child.status.st_ino) == self._besides:
            return False
        reason = self._ignore.reason(child.text, folder=stat.S_ISDIR(mode))
        if reason is not None:
            self._note(reason, child.text)
            return False
        if stat.S_ISREG(mode):
            child.bytes, child.files = child.status.st_size, 1
        elif not stat.S_ISDIR(mode) and not stat.S_ISLNK(mode):
            self.skipped.append(child.text)
            return False
        return True

    def _enter(self, parent: int, child: Found, depth: int) -> bool:
        """Scan a subfolder; False if it is not part of the snapshot."""
        try:
            descriptor = os.open(child.name, FOLDER_FLAGS, dir_fd=parent)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                return False  # replaced since it was listed
            cannot_read(child.text, error, self._where)
        try:
            names = {text(name) for name in _names(descriptor)}
            reason = self._ignore.folder_reason(child.text, names)
            if reason is not None:
                self._note(reason, child.text)
                return False
            before = len(self.left_out)
            child.children = []
            self._list(descriptor, child, depth + 1)
        except OSError as error:
            cannot_read(child.text, error, self._where)
        finally:
            os.close(descriptor)
        if not child.children and self._ignore.credential_folder(child.text):
            self.left_out[before:] = [f"{child.text}/"]
            return False
        return True

    def _note(self, reason: str, path: str) -> None:
        if reason == "credential":
            self.left_out.append(path)
        elif reason == "user" or (reason == "default" and not self._ignore.source):
            self.ignored.append(path)


def fresh(root: Path, *, ignore: Ignore, cache: StatCache) -> Iterator[str]:
    """Relative paths of the files that changed since the cache recorded them, sorted by folder.

    Args:
        root: The folder.
        ignore: What to leave out.
        cache: What is known of its files, for example from `restore`.

    Raises:
        StoreError: A folder cannot be read.
    """
    try:
        with opened(os.path.realpath(root), FOLDER_FLAGS) as descriptor:
            found = Scan(descriptor, ignore, besides=(-1, -1), where=os.fspath(root))
    except OSError as error:
        cannot_read(".", error, os.fspath(root))
    for each in found.root.walk():
        known = cache.lookup(each.path, each.status)
        if stat.S_ISREG(each.status.st_mode) and known is None:
            yield each.text


def cannot_read(path: str, error: OSError, where: str) -> NoReturn:
    """Raise the error for a file or folder that cannot be read."""
    raise StoreError(
        "ITH406",
        f"cannot read {path}: {error.strerror or error}",
        cure="make it readable, or add a line to .ithacaignore that leaves it out",
        where=where,
    ) from None


def _names(descriptor: int) -> list[bytes]:
    return [os.fsencode(name) for name in os.listdir(descriptor)]
