"""Take a snapshot: store the files of a folder, then publish the snapshot."""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.errors import StoreError, UsageError
from ithaca.store.snapshots import limits as size_limits
from ithaca.store.snapshots.blobs import store_file
from ithaca.store.snapshots.format import (
    EXECUTABLE,
    FILE,
    FOLDER,
    SYMLINK,
    Attributes,
    SnapshotBody,
    TreeEntry,
    encode_attributes,
    encode_snapshot,
    encode_tree,
)
from ithaca.store.snapshots.limits import Limits
from ithaca.store.snapshots.model import Taken
from ithaca.store.snapshots.scan import FOLDER_FLAGS, cannot_read, opened, scan

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.store.protocol import Store
    from ithaca.store.snapshots.cache import StatCache
    from ithaca.store.snapshots.ignore import Ignore
    from ithaca.store.snapshots.scan import Found

_PAUSES = (0.02, 0.05, 0.1, 0.2, 0.4)
"""Seconds to wait before a file is read again because it changed meanwhile."""

_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""Non-blocking, in case a pipe replaces a file."""


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
        found = scan(descriptor, ignore, besides=(own.st_dev, own.st_ino), where=os.fspath(root))
        if limits is not None:
            size_limits.check(found.root, limits, os.fspath(root))
        archiver = _Archiver(store, cache, progress, os.fspath(root))
        digest = archiver.publish(descriptor, found.root)
    finally:
        os.close(descriptor)
    return Taken(
        digest=digest,
        files=archiver.files,
        bytes=archiver.bytes,
        left_out=tuple(found.left_out),
        ignored=tuple(found.ignored),
        skipped=tuple(found.skipped),
        read=archiver.read,
    )


@dataclasses.dataclass(slots=True)
class _Stored:
    entry: TreeEntry
    attributes: Attributes


class _Archiver:
    """Stores the result of a scan, children before their folder."""

    def __init__(
        self,
        store: Store,
        cache: StatCache | None,
        progress: Callable[[int, int], None] | None,
        where: str,
    ) -> None:
        self._store = store
        self._cache = cache
        self._progress = progress
        self._where = where
        self._paths: set[bytes] = set()
        self.files = self.bytes = self.read = 0

    def publish(self, descriptor: int, root: Found) -> str:
        tree, attributes = self._folder(descriptor, root)
        body = SnapshotBody(
            tree=bytes.fromhex(tree),
            attributes=bytes.fromhex(attributes),
            files=self.files,
            total=self.bytes,
            created=time.time(),
        )
        self._store.add_snapshot(tree, encode_snapshot(body))
        if self._cache is not None:
            self._cache.forget_all_but(self._paths)
        return tree

    def _folder(self, descriptor: int, folder: Found) -> tuple[str, str]:
        """Store a folder's entries; returns the digests of its tree and attributes."""
        tried = (self._child(descriptor, child) for child in folder.children or ())
        stored = [one for one in tried if one is not None]
        tree = self._store.put_object(encode_tree([one.entry for one in stored]))
        attributes = encode_attributes([one.attributes for one in stored])
        return tree, self._store.put_object(attributes)

    def _child(self, parent: int, child: Found) -> _Stored | None:
        """Store one entry; None if it no longer exists."""
        try:
            if child.is_folder:
                return self._subfolder(parent, child)
            if stat.S_ISLNK(child.status.st_mode):
                return self._link(parent, child)
            return self._file(parent, child)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EINVAL):
                raise self._changing(child) from None
            cannot_read(child.text, error, self._where)

    def _subfolder(self, parent: int, child: Found) -> _Stored:
        with opened(child.name, FOLDER_FLAGS, dir_fd=parent) as descriptor:
            tree, attributes = self._folder(descriptor, child)
        return _Stored(
            TreeEntry(child.name, FOLDER, 0, bytes.fromhex(tree)),
            _attributes(child.status, bytes.fromhex(attributes)),
        )

    def _link(self, parent: int, child: Found) -> _Stored:
        target = os.readlink(child.name, dir_fd=parent)
        return _Stored(TreeEntry(child.name, SYMLINK, 0, target), _attributes(child.status, None))

    def _file(self, parent: int, child: Found) -> _Stored:
        status = child.status
        digest = self._known(child)
        if digest is None:
            digest, status = self._read(parent, child)
        self._count(child, status.st_size)
        kind = EXECUTABLE if status.st_mode & stat.S_IXUSR else FILE
        return _Stored(
            TreeEntry(child.name, kind, status.st_size, bytes.fromhex(digest)),
            _attributes(status, None),
        )

    def _known(self, child: Found) -> str | None:
        if self._cache is None:
            return None
        digest = self._cache.lookup(child.path, child.status)
        if digest is None or not self._store.has_object(digest, child.status.st_size):
            return None
        return digest

    def _read(self, parent: int, child: Found) -> tuple[str, os.stat_result]:
        """Store a file; read it again if it changes meanwhile."""
        for pause in _PAUSES:
            read_at = time.time_ns()
            with opened(child.name, _FILE_FLAGS, dir_fd=parent) as descriptor:
                before = os.fstat(descriptor)
                if not stat.S_ISREG(before.st_mode):
                    raise self._changing(child)
                digest, size = store_file(self._store, descriptor, before.st_size)
                after = os.fstat(descriptor)
            if _unchanged(before, after) and size == after.st_size:
                self.read += 1
                if self._cache is not None:
                    self._cache.remember(child.path, after, digest, read_at)
                return digest, after
            time.sleep(pause)
        raise self._changing(child)

    def _count(self, child: Found, size: int) -> None:
        self._paths.add(child.path)
        self.files += 1
        self.bytes += size
        if self._progress is not None:
            self._progress(self.files, self.bytes)

    def _changing(self, child: Found) -> StoreError:
        return StoreError(
            "ITH407",
            f"{child.text} changes while it is read",
            cure="stop writing to it (is a background process still running?), or add a line to "
            ".ithacaignore that leaves it out",
            where=self._where,
        )


def _unchanged(before: os.stat_result, after: os.stat_result) -> bool:
    return (before.st_size, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_size,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )


def _attributes(status: os.stat_result, child: bytes | None) -> Attributes:
    return Attributes(stat.S_IMODE(status.st_mode), status.st_mtime_ns, child)
