"""Restore a snapshot: make a folder hold exactly the content of the snapshot.

Nothing is written outside the root, whatever the snapshot contains and whatever another process
does to the folder meanwhile: names are checked before the first write, every folder is opened
relative to its parent without following links, and every file is a new one, because an existing
inode could have another name elsewhere.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.errors import StoreError, UnsafeSnapshot
from ithaca.store.snapshots.blobs import hash_descriptor, write_file
from ithaca.store.snapshots.format import NOT_OURS
from ithaca.store.snapshots.model import Entry
from ithaca.store.snapshots.scan import FILE_FLAGS, FOLDER_FLAGS, join, opened, text
from ithaca.store.snapshots.walker import children, root_entry

if TYPE_CHECKING:
    from collections.abc import Collection

    from ithaca.store.base import Store
    from ithaca.store.snapshots.cache import StatCache
    from ithaca.store.snapshots.ignore import Ignore

_NEW_FLAGS = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_HOME = b".ithaca"


def restore(
    store: Store,
    digest: str,
    target: Path,
    *,
    cache: StatCache | None = None,
    keep: Ignore | None = None,
    without: Collection[str] = (),
) -> None:
    """Make a folder hold exactly the content of a snapshot.

    An existing folder is updated: only differences are written, and **everything that the snapshot
    does not hold is removed**, except `.ithaca`, a store in the folder, and what `keep` would leave
    out of a snapshot.

    Args:
        store: The source.
        digest: The snapshot.
        target: The folder; created if it is missing.
        cache: What is known of the target's files; it is updated, so that a later take reads only
            changed files.
        keep: What is not removed although the snapshot does not hold it.
        without: Names in the root that are not restored.

    Raises:
        NotFound: The snapshot, or a part of it, is missing.
        Corrupt: A part of it is damaged.
        UnsafeSnapshot: It has a name that could escape the root; nothing was written.
        StoreError: The target cannot be written (ITH412).

    Example:
        >>> from tempfile import mkdtemp
        >>> from ithaca.store import Ignore, LocalStore, take
        >>> home = Path(mkdtemp())
        >>> store, work = LocalStore.open(home / "store"), home / "work"
        >>> _ = work.mkdir(), (work / "a.txt").write_text("hello")
        >>> restore(store, take(store, work, ignore=Ignore()).digest, home / "again")
        >>> [path.name for path in (home / "again").iterdir()]
        ['a.txt']
    """
    plan = _plan(store, root_entry(store, digest))
    if _HOME in plan.below:
        raise UnsafeSnapshot(
            "ITH404",
            f"snapshot {digest} holds a folder .ithaca, which is reserved for Ithaca",
            cure=NOT_OURS,
        )
    for name in without:
        plan.below.pop(os.fsencode(name), None)
    restorer = _Restorer(store, cache, keep, _own_paths(store, target))
    try:
        Path(target).mkdir(parents=True, exist_ok=True)
        with opened(os.path.realpath(target), FOLDER_FLAGS) as descriptor:
            restorer.folder(descriptor, plan, b"", fresh=False)
    except OSError as error:
        raise StoreError(
            "ITH412",
            f"cannot restore {text(restorer.at) or 'the folder'}: {error.strerror or error}",
            cure="free some space or change the permissions, then restore again",
            where=os.fspath(target),
        ) from None
    restorer.remember()


@dataclasses.dataclass(slots=True)
class _Plan:
    """The wanted entry of a path, and those below it."""

    entry: Entry
    below: dict[bytes, _Plan]


def _plan(store: Store, entry: Entry, path: bytes = b"") -> _Plan:
    """Read all trees, which checks every name, before anything is written."""
    found = children(store, entry, path) if entry.kind == "dir" else {}
    below = {name: _plan(store, child, path + b"/" + name) for name, child in found.items()}
    return _Plan(entry, below)


@dataclasses.dataclass
class _Restorer:
    """One restore. `at` is the current path, for messages."""

    store: Store
    cache: StatCache | None
    keep: Ignore | None
    own: frozenset[bytes]
    written: dict[bytes, tuple[os.stat_result, str]] = dataclasses.field(default_factory=dict)
    present: set[bytes] = dataclasses.field(default_factory=set)
    at: bytes = b""

    def remember(self) -> None:
        """Update the cache."""
        if self.cache is not None:
            self.cache.remember_written(self.written)
            self.cache.forget_all_but(self.present)

    def folder(self, descriptor: int, plan: _Plan, path: bytes, *, fresh: bool) -> None:
        """Update an open folder.

        Args:
            descriptor: The folder.
            plan: Its wanted content.
            path: Its path, relative to the root.
            fresh: Whether it is new, and so empty.
        """
        present = {} if fresh else _statuses(descriptor)
        for name, status in present.items():
            if name not in plan.below:
                self.at = join(path, name)
                if not self._is_kept(descriptor, name, status):
                    self._discard(descriptor, name, status)
        for name, child in plan.below.items():
            self.at = join(path, name)
            self._entry(descriptor, name, child, present.get(name))

    def _entry(self, parent: int, name: bytes, plan: _Plan, status: os.stat_result | None) -> None:
        entry = plan.entry
        if entry.kind == "dir":
            self._subfolder(parent, name, plan, status)
        elif entry.kind == "symlink":
            self._link(parent, name, entry, status)
        else:
            self._file(parent, name, entry, status)

    def _subfolder(
        self, parent: int, name: bytes, plan: _Plan, status: os.stat_result | None
    ) -> None:
        path = self.at
        fresh = status is None or not stat.S_ISDIR(status.st_mode)
        if status is not None and fresh:
            _remove(parent, name, status)
        if fresh:
            os.mkdir(name, 0o700, dir_fd=parent)
        elif status is not None:
            _make_accessible(parent, name, status)
        with opened(name, FOLDER_FLAGS, dir_fd=parent) as descriptor:
            self.folder(descriptor, plan, path, fresh=fresh)
            self.at = path
            _set_attributes(descriptor, plan.entry, 0o3777)

    def _link(self, parent: int, name: bytes, entry: Entry, status: os.stat_result | None) -> None:
        same = (
            status is not None
            and stat.S_ISLNK(status.st_mode)
            and os.readlink(name, dir_fd=parent) == entry.target
        )
        if not same:
            if status is not None:
                _remove(parent, name, status)
            os.symlink(entry.target, name, dir_fd=parent)
        if not same or (status is not None and status.st_mtime_ns != entry.mtime_ns):
            times = (entry.mtime_ns, entry.mtime_ns)
            os.utime(name, ns=times, dir_fd=parent, follow_symlinks=False)

    def _file(self, parent: int, name: bytes, entry: Entry, status: os.stat_result | None) -> None:
        path = self.at
        self.present.add(path)
        if status is not None:
            if self._reuse(parent, name, entry, status):
                return
            _remove(parent, name, status)
        with opened(name, _NEW_FLAGS, 0o600, dir_fd=parent) as descriptor:
            try:
                write_file(self.store, entry.digest, entry.size, descriptor)
                _set_attributes(descriptor, entry, 0o777)
                self.written[path] = (os.fstat(descriptor), entry.digest)
            except BaseException:
                os.unlink(name, dir_fd=parent)  # never leave a partial file
                raise

    def _reuse(self, parent: int, name: bytes, entry: Entry, status: os.stat_result) -> bool:
        """Set the attributes of an existing file, if it has the wanted bytes and no other name."""
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            return False
        if status.st_size != entry.size:
            return False
        known = None if self.cache is None else self.cache.lookup(self.at, status)
        if known == entry.digest and _has_attributes(status, entry, 0o777):
            return True
        try:
            descriptor = os.open(name, FILE_FLAGS, dir_fd=parent)
        except PermissionError:
            return False
        try:
            if (known or hash_descriptor(descriptor)) != entry.digest:
                return False
            _set_attributes(descriptor, entry, 0o777)
            self.written[self.at] = (os.fstat(descriptor), entry.digest)
            return True
        finally:
            os.close(descriptor)

    def _is_kept(self, parent: int, name: bytes, status: os.stat_result) -> bool:
        """Whether an entry is kept although the snapshot does not hold it."""
        if self.at in self.own:
            return True
        if self.keep is None:
            return False
        folder = stat.S_ISDIR(status.st_mode)
        if self.keep.reason(text(self.at), folder=folder) is not None:
            return True
        if not folder or status.st_mode & 0o500 != 0o500:
            return False
        with opened(name, FOLDER_FLAGS, dir_fd=parent) as descriptor:
            names = os.listdir(descriptor)
        return self.keep.folder_reason(text(self.at), names) is not None

    def _discard(self, parent: int, name: bytes, status: os.stat_result) -> None:
        """Remove an entry; from a folder, everything except what is kept."""
        if self.keep is None or not stat.S_ISDIR(status.st_mode):
            _remove(parent, name, status)
            return
        _make_accessible(parent, name, status)
        with opened(name, FOLDER_FLAGS, dir_fd=parent) as descriptor:
            self.folder(descriptor, _Plan(Entry(kind="dir"), {}), self.at, fresh=False)
        try:
            os.rmdir(name, dir_fd=parent)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise


def _own_paths(store: Store, target: Path) -> frozenset[bytes]:
    """Paths in the target that are never changed: `.ithaca`, and the store."""
    own = {_HOME}
    root, inner = os.path.realpath(target), os.path.realpath(store.path)
    if root == inner:
        raise StoreError("ITH412", "cannot restore into the store itself", where=root)
    if os.path.commonpath([root, inner]) == root:
        parts = os.fsencode(os.path.relpath(inner, root)).split(b"/")
        own.update(b"/".join(parts[:count]) for count in range(1, len(parts) + 1))
    return frozenset(own)


def _statuses(descriptor: int) -> dict[bytes, os.stat_result]:
    with os.scandir(descriptor) as found:
        return {os.fsencode(one.name): one.stat(follow_symlinks=False) for one in found}


def _has_attributes(status: os.stat_result, entry: Entry, kept: int) -> bool:
    wanted = entry.mode & kept
    return stat.S_IMODE(status.st_mode) == wanted and status.st_mtime_ns == entry.mtime_ns


def _set_attributes(descriptor: int, entry: Entry, kept: int) -> None:
    """Set mode and times of an open file or folder, if they differ.

    Set-user-id bits are not restored, for security.
    """
    status = os.fstat(descriptor)
    if _has_attributes(status, entry, kept):
        return
    os.fchmod(descriptor, entry.mode & kept)
    os.utime(descriptor, ns=(entry.mtime_ns, entry.mtime_ns))


def _remove(parent: int, name: bytes, status: os.stat_result) -> None:
    """Remove one entry of an open folder and everything below it; links are not followed."""
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(name, dir_fd=parent)
        return
    _make_accessible(parent, name, status)
    with opened(name, FOLDER_FLAGS, dir_fd=parent) as descriptor:
        for inner, inner_status in _statuses(descriptor).items():
            _remove(descriptor, inner, inner_status)
    os.rmdir(name, dir_fd=parent)


def _make_accessible(parent: int, name: bytes, status: os.stat_result) -> None:
    """Give the owner all permissions on a folder; a link in its place is not followed."""
    if status.st_mode & 0o700 == 0o700:
        return
    if not sys.platform.startswith("linux"):
        os.chmod(name, 0o700, dir_fd=parent, follow_symlinks=False)
        return
    # O_PATH needs no permission on the folder itself, and /proc gives the descriptor a path.
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
    with opened(name, flags, dir_fd=parent) as descriptor:
        os.chmod(f"/proc/self/fd/{descriptor}", 0o700)
