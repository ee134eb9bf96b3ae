"""Copy files to and from the store: verified, with holes kept."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from ithaca.errors import Corrupt
from ithaca.store.base import damaged, write_all
from ithaca.store.version import DAMAGED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from ithaca.store.base import Store

_SMALL = 1 << 20
"""Files up to this size are read into memory."""

_PIECE = 4 << 20
_ZEROS = bytes(1 << 20)
_FICLONE = 0x40049409
_CANNOT_CLONE = (
    errno.EXDEV,
    errno.ENOSYS,
    errno.EOPNOTSUPP,
    errno.EINVAL,
    errno.ENOTTY,
    errno.EBADF,
    errno.EPERM,
)


def store_file(store: Store, descriptor: int, size: int) -> tuple[str, int]:
    """Store the bytes of an open file.

    The bytes are hashed while they are copied, so they match the digest even if the file changes
    meanwhile. The caller must check whether it changed.

    Args:
        store: The destination.
        descriptor: The file, at its beginning.
        size: Its size according to `fstat`.

    Returns:
        The digest and the number of bytes.

    Raises:
        StoreError: The store cannot be written.
        OSError: The file cannot be read.
    """
    if size <= _SMALL:
        data = _read_all(descriptor, size)
        if len(data) <= _SMALL:
            return store.put_object(data), len(data)
        os.lseek(descriptor, 0, os.SEEK_SET)
    return _store_large(store, descriptor)


def write_file(store: Store, digest: str, size: int, target: int) -> None:
    """Write an object to an open, empty file, and verify it.

    Args:
        store: The source.
        digest: The object.
        size: Its expected size.
        target: The file.

    Raises:
        NotFound: The object is missing.
        Corrupt: Its bytes do not match the digest.
        OSError: The file cannot be written.
    """
    if size <= _SMALL:
        data = store.get_object(digest)
        _check_size(digest, len(data), size)
        write_all(target, data)
        return
    with store.open_object(digest) as file:
        source = file.fileno()
        _check_size(digest, os.fstat(source).st_size, size)
        if _clone(source, target):
            found = hash_descriptor(target)
        else:
            found, _ = _copy(source, target, contextlib.nullcontext)
        if found != digest:
            raise damaged(digest)


def hash_descriptor(descriptor: int) -> str:
    """Digest of a whole open file; leaves the position at its end."""
    hasher = blake3(max_threads=blake3.AUTO)
    os.lseek(descriptor, 0, os.SEEK_SET)
    buffer = memoryview(bytearray(min(_PIECE, max(1, os.fstat(descriptor).st_size + 1))))
    while count := os.readv(descriptor, [buffer]):
        hasher.update(buffer[:count])
    return hasher.hexdigest()


def replace_file(path: Path, data: bytes) -> None:
    """Write a file atomically; its folder is created if it is missing.

    Raises:
        OSError: It cannot be written.
    """
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _store_large(store: Store, descriptor: int) -> tuple[str, int]:
    sink, temporary = store.temporary()
    try:
        digest, total = _copy(descriptor, sink, store.writing)
        store.publish_object(temporary, digest, total)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    finally:
        os.close(sink)
    return digest, total


def _copy(
    source: int, sink: int, writing: Callable[[], AbstractContextManager[None]]
) -> tuple[str, int]:
    """Copy a file to an empty one, with its holes; returns the digest and number of the bytes.

    Args:
        source: The file.
        sink: The empty file.
        writing: A context for each write, which may translate its errors.
    """
    hasher = blake3(max_threads=blake3.AUTO)
    total = 0
    for piece in _pieces(source):
        hasher.update(piece)
        total += len(piece)
        with writing():
            if piece is _ZEROS:
                os.lseek(sink, len(piece), os.SEEK_CUR)
            else:
                write_all(sink, piece)
    with writing():
        os.ftruncate(sink, total)
    return hasher.hexdigest(), total


def _pieces(descriptor: int) -> Iterator[bytes | memoryview]:
    """The bytes of a file in order; whole parts of a hole are `_ZEROS` itself."""
    buffer = memoryview(bytearray(_PIECE))
    position = 0
    for start, end in _data_extents(descriptor):
        while start - position >= len(_ZEROS):
            yield _ZEROS
            position += len(_ZEROS)
        if start > position:
            yield memoryview(_ZEROS)[: start - position]
            position = start
        os.lseek(descriptor, position, os.SEEK_SET)
        while position < end:
            count = os.readv(descriptor, [buffer[: min(_PIECE, end - position)]])
            if not count:
                return  # truncated meanwhile; the caller compares the sizes
            yield buffer[:count]
            position += count


def _data_extents(descriptor: int) -> Iterator[tuple[int, int]]:
    """The ranges (start, end) of a file that hold data; the last may be empty, at the end."""
    size = os.fstat(descriptor).st_size
    position = 0
    while position < size:
        try:
            start = os.lseek(descriptor, position, os.SEEK_DATA)
            end = os.lseek(descriptor, start, os.SEEK_HOLE)
        except OSError as error:
            if error.errno != errno.ENXIO:
                yield position, size  # this file system has no holes
                return
            break
        yield start, end
        position = end
    yield size, size


def _clone(source: int, target: int) -> bool:
    """Share the blocks of the source if the file system supports it (btrfs, xfs)."""
    if not sys.platform.startswith("linux"):
        return False
    import fcntl  # not on every platform

    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno not in _CANNOT_CLONE:
            raise
        return False
    return True


def _check_size(digest: str, found: int, expected: int) -> None:
    if found != expected:
        raise Corrupt(
            "ITH403",
            f"the object {digest} is damaged: it has {found} bytes instead of {expected}",
            cure=DAMAGED,
        )


def _read_all(descriptor: int, size: int) -> bytes:
    data = os.read(descriptor, size + 1)
    while len(data) != size and len(data) <= _SMALL and (piece := os.read(descriptor, _SMALL)):
        data += piece
    return data
