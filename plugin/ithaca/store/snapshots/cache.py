"""The stat cache: which files need not be read again because they did not change.

A file is identified by its size, times, inode and mode. Two changes within one tick of the file
system's clock leave the same times, so a file that changed just before it was read is not recorded
(git calls such entries racy) and is read again next time.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path
from typing import Self

import msgspec

from ithaca.store.snapshots.blobs import replace_file

_SLACK_NS = 20_000_000
"""More than a tick of the kernel's clock, which stamps files (10 ms at its slowest setting)."""

_COARSE_SLACK_NS = 2_500_000_000
"""For file systems that store whole seconds, or every second one (FAT)."""

_VERSION = 1


class _Known(msgspec.Struct, array_like=True, frozen=True, gc=False):
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    mode: int
    digest: bytes


class _File(msgspec.Struct, array_like=True):
    version: int
    known: dict[bytes, _Known]


class StatCache:
    """What is known of the files below one root.

    It is only a hint: a digest counts only if the store has the object, and a missing, old or
    damaged file is an empty cache. Do not use it on a network file system whose clock may differ
    from this machine's.

    Example:
        >>> cache = StatCache()
        >>> cache.lookup(b"a.txt", os.stat(os.curdir)) is None
        True
    """

    def __init__(self, known: dict[bytes, _Known] | None = None) -> None:
        self._known = known or {}

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a saved cache; an empty one if it cannot be read."""
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            file = msgspec.msgpack.decode(Path(path).read_bytes(), type=_File)
            if file.version == _VERSION:
                return cls(file.known)
        return cls()

    def save(self, path: Path) -> None:
        """Write the cache atomically."""
        replace_file(Path(path), msgspec.msgpack.encode(_File(_VERSION, self._known)))

    def lookup(self, path: bytes, status: os.stat_result) -> str | None:
        """Digest of a file's bytes if the file did not change.

        Args:
            path: Relative to the root.
            status: The current result of `lstat`.
        """
        known = self._known.get(path)
        if known is None or known != _known(status, known.digest):
            return None
        return known.digest.hex()

    def remember(self, path: bytes, status: os.stat_result, digest: str, read_at: int) -> None:
        """Record a file that was read, unless a change could go unnoticed.

        Args:
            path: Relative to the root.
            status: The result of `fstat`, the same before and after reading.
            digest: Digest of its bytes.
            read_at: When reading began, nanoseconds since the epoch.
        """
        newest = max(status.st_mtime_ns, status.st_ctime_ns)
        slack = _COARSE_SLACK_NS if status.st_ctime_ns % 1_000_000 == 0 else _SLACK_NS
        if newest >= read_at - slack:
            self._known.pop(path, None)
        else:
            self._known[path] = _known(status, bytes.fromhex(digest))

    def remember_written(self, written: dict[bytes, tuple[os.stat_result, str]]) -> None:
        """Record files that this process has just written.

        Waits for one tick of the clock, so that a later change gets other times.

        Args:
            written: Path to the result of `fstat` and the digest of the bytes.
        """
        if not written:
            return
        time.sleep(_SLACK_NS * 1.5 / 1e9)
        now = time.time_ns()
        for path, (status, digest) in written.items():
            self.remember(path, status, digest, now)

    def forget_all_but(self, paths: set[bytes]) -> None:
        """Remove files that no longer exist."""
        for path in self._known.keys() - paths:
            del self._known[path]


def _known(status: os.stat_result, digest: bytes) -> _Known:
    return _Known(
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        stat.S_IMODE(status.st_mode),
        digest,
    )
