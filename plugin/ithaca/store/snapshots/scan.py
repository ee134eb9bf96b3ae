"""Looking over a folder before anything of it is read: names, stats, and what is left out."""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
from typing import TYPE_CHECKING, NoReturn

from ithaca.errors import StoreError
from ithaca.store.snapshots.format import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ithaca.store.snapshots.ignore import Ignore

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclasses.dataclass(slots=True)
class Found:
    """One path below the root.

    Attributes:
        name: As the file system has it.
        path: Relative to the root; empty for the root.
        status: What `lstat` said.
        children: Entries of a folder, sorted by name; None for what is no folder.
        bytes: Of all files at and below this path.
        files: How many there are.
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
        """The path as text; bytes that are no UTF-8 are surrogates."""
        return text(self.path)

    def walk(self) -> Iterator[Found]:
        """Every path below this one."""
        for child in self.children or ():
            yield child
            yield from child.walk()


@dataclasses.dataclass(slots=True)
class Scan:
    """What looking over a folder found.

    Attributes:
        root: The tree.
        left_out: Paths that look like credentials.
        ignored: Topmost paths that the user's patterns leave out; in a step also what a default
            leaves out, for there the step made it.
        skipped: Sockets, pipes and devices.
    """

    root: Found
    left_out: list[str] = dataclasses.field(default_factory=list)
    ignored: list[str] = dataclasses.field(default_factory=list)
    skipped: list[str] = dataclasses.field(default_factory=list)


def text(path: bytes) -> str:
    """A path for people and for JSON, the same under every locale."""
    return path.decode("utf-8", "surrogateescape")


def scan(descriptor: int, ignore: Ignore, *, besides: tuple[int, int], where: str) -> Scan:
    """Look over a folder.

    Args:
        descriptor: Of the open root.
        ignore: What is left out.
        besides: Device and inode of a folder that is never entered: the store itself.
        where: The root, for messages.

    Raises:
        StoreError: A folder cannot be read (ITH406) or lies too deep (ITH414).
    """
    return _Scanner(ignore, besides, where).start(descriptor)


class _Scanner:
    def __init__(self, ignore: Ignore, besides: tuple[int, int], where: str) -> None:
        self._ignore = ignore
        self._besides = besides
        self._where = where

    def start(self, descriptor: int) -> Scan:
        root = Found(b"", b"", os.fstat(descriptor), [])
        self._scan = Scan(root)
        self._list(descriptor, root, 0)
        return self._scan

    def _list(self, descriptor: int, folder: Found, depth: int) -> None:
        """Fill in a folder's children, in the order of their names."""
        if depth > MAX_DEPTH:
            raise StoreError(
                "ITH414",
                f"{folder.text}: folders inside folders more than {MAX_DEPTH} deep",
                cure="leave it out with a line in .ithacaignore",
                where=self._where,
            )
        children = folder.children if folder.children is not None else []
        for name in sorted(_names(descriptor)):
            path = folder.path + b"/" + name if folder.path else name
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:
                continue  # deleted since the folder was listed
            child = Found(name, path, status)
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
            self._scan.skipped.append(child.text)
            return False
        return True

    def _enter(self, parent: int, child: Found, depth: int) -> bool:
        """Look over a folder below; False when it is not part of the snapshot after all."""
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
            before = len(self._scan.left_out)
            child.children = []
            self._list(descriptor, child, depth + 1)
        except OSError as error:
            cannot_read(child.text, error, self._where)
        finally:
            os.close(descriptor)
        if not child.children and self._ignore.credential_folder(child.text):
            self._scan.left_out[before:] = [f"{child.text}/"]
            return False
        return True

    def _note(self, reason: str, path: str) -> None:
        if reason == "credential":
            self._scan.left_out.append(path)
        elif reason == "user" or (reason == "default" and not self._ignore.source):
            self._scan.ignored.append(path)


def cannot_read(path: str, error: OSError, where: str) -> NoReturn:
    """Say which file or folder cannot be read, and why."""
    raise StoreError(
        "ITH406",
        f"{path} cannot be read: {error.strerror or error}",
        cure="make it readable, or leave it out with a line in .ithacaignore",
        where=where,
    ) from None


def _names(descriptor: int) -> list[bytes]:
    return [os.fsencode(name) for name in os.listdir(descriptor)]
