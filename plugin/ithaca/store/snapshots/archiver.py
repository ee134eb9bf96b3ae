"""Take a snapshot: store the files of a folder, then publish the snapshot."""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ithaca.errors import StoreError, UsageError
from ithaca.store.snapshots import limits as size_limits
from ithaca.store.snapshots.blobs import store_file
from ithaca.store.snapshots.cache import StatCache
from ithaca.store.snapshots.editor import publish, store_folder
from ithaca.store.snapshots.limits import Limits
from ithaca.store.snapshots.model import Entry, Taken
from ithaca.store.snapshots.scan import FILE_FLAGS, FOLDER_FLAGS, Scan, cannot_read, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.store.base import Store
    from ithaca.store.snapshots.ignore import Ignore
    from ithaca.store.snapshots.scan import Found

_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4)
"""Seconds to wait before a file is read again because it changed meanwhile."""


def take(
    store: Store,
    root: Path,
    *,
    ignore: Ignore,
    cache: StatCache | None = None,
    limits: Limits | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Taken:
    """Store a folder as a snapshot.

    Args:
        store: The destination.
        root: The folder.
        ignore: What to leave out.
        cache: What is known of the folder's files; it is updated.
        limits: How large the folder may be. Default: `Limits()` for a source, otherwise none.
        progress: Called with the number of files and bytes so far.

    Returns:
        The snapshot's digest, and what was left out.

    Raises:
        UsageError: The folder does not exist (ITH415) or is too large (ITH408).
        StoreError: A file cannot be read (ITH406) or keeps changing (ITH407), or the store cannot
            be written (ITH405).

    Example:
        >>> from tempfile import mkdtemp
        >>> from ithaca.store import Ignore, LocalStore, take
        >>> home = Path(mkdtemp())
        >>> store, work = LocalStore.open(home / "store"), home / "work"
        >>> _ = work.mkdir(), (work / "a.txt").write_text("hello")
        >>> take(store, work, ignore=Ignore()).files
        1
    """
    if limits is None and ignore.source:
        limits = Limits()
    try:
        descriptor = os.open(os.path.realpath(root), FOLDER_FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError("ITH415", "no such folder", where=os.fspath(root)) from None
    except OSError as error:
        cannot_read(".", error, os.fspath(root))
    try:
        own = os.stat(store.path)
        found = Scan(descriptor, ignore, besides=(own.st_dev, own.st_ino), where=os.fspath(root))
        if limits is not None:
            size_limits.check(found.root, limits, os.fspath(root))
        archiver = _Archiver(store, cache or StatCache(), progress, os.fspath(root))
        digest = archiver.publish(descriptor, found.root)
    finally:
        os.close(descriptor)
    return Taken(
        digest=digest,
        files=archiver.files,
        bytes=archiver.total,
        left_out=tuple(found.left_out),
        ignored=tuple(found.ignored),
        skipped=tuple(found.skipped),
        read=archiver.read,
    )


@dataclasses.dataclass
class _Archiver:
    """Stores the result of a scan, children before their folder."""

    store: Store
    cache: StatCache
    progress: Callable[[int, int], None] | None
    where: str
    files: int = 0
    total: int = 0
    read: int = 0
    paths: set[bytes] = dataclasses.field(default_factory=set)

    def publish(self, descriptor: int, root: Found) -> str:
        folder = self._folder(descriptor, root)  # counts the files
        digest = publish(self.store, folder, self.files, self.total)
        self.cache.forget_all_but(self.paths)
        return digest

    def _folder(self, descriptor: int, folder: Found) -> Entry:
        """Store a folder's entries, then the folder."""
        entries = {}
        for child in folder.children or ():
            entry = self._child(descriptor, child)
            if entry is not None:
                entries[child.name] = entry
        return store_folder(self.store, entries, _with_attributes(folder.status, kind="dir"))

    def _child(self, parent: int, child: Found) -> Entry | None:
        """Store one entry; None if it no longer exists."""
        try:
            if child.is_folder:
                with opened(child.name, FOLDER_FLAGS, dir_fd=parent) as descriptor:
                    return self._folder(descriptor, child)
            if stat.S_ISLNK(child.status.st_mode):
                target = os.readlink(child.name, dir_fd=parent)
                return _with_attributes(child.status, kind="symlink", target=target)
            return self._file(parent, child)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EINVAL):
                raise self._changing(child) from None
            cannot_read(child.text, error, self.where)

    def _file(self, parent: int, child: Found) -> Entry:
        status = child.status
        digest = self._known(child)
        if digest is None:
            digest, status = self._read(parent, child)
        self._count(child, status.st_size)
        executable = bool(status.st_mode & stat.S_IXUSR)
        return _with_attributes(
            status, kind="file", digest=digest, size=status.st_size, executable=executable
        )

    def _known(self, child: Found) -> str | None:
        digest = self.cache.lookup(child.path, child.status)
        known = digest is not None and self.store.has_object(digest, child.status.st_size)
        return digest if known else None

    def _read(self, parent: int, child: Found) -> tuple[str, os.stat_result]:
        """Store a file; read it again if it changes meanwhile."""
        for pause in _PAUSES:
            read_at = time.time_ns()
            with opened(child.name, FILE_FLAGS, dir_fd=parent) as descriptor:
                before = os.fstat(descriptor)
                if not stat.S_ISREG(before.st_mode):
                    raise self._changing(child)
                digest, size = store_file(self.store, descriptor, before.st_size)
                after = os.fstat(descriptor)
            if _stamp(before) == _stamp(after) and size == after.st_size:
                self.read += 1
                self.cache.remember(child.path, after, digest, read_at)
                return digest, after
            time.sleep(pause)
        raise self._changing(child)

    def _count(self, child: Found, size: int) -> None:
        self.paths.add(child.path)
        self.files += 1
        self.total += size
        if self.progress is not None:
            self.progress(self.files, self.total)

    def _changing(self, child: Found) -> StoreError:
        return StoreError(
            "ITH407",
            f"{child.text} changes while it is read",
            cure="stop writing to it (is a background process still running?), or add a line to "
            ".ithacaignore that leaves it out",
            where=self.where,
        )


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _with_attributes(status: os.stat_result, **content: Any) -> Entry:
    return Entry(mode=stat.S_IMODE(status.st_mode), mtime_ns=status.st_mtime_ns, **content)
