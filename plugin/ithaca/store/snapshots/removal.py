"""Remove entries of a folder without leaving it: links are not followed."""

from __future__ import annotations

import os
import stat
import sys

from ithaca.store.snapshots.scan import FOLDER_FLAGS, opened


def remove(parent: int, name: bytes, status: os.stat_result) -> None:
    """Remove one entry of an open folder and everything below it; links are not followed.

    Args:
        parent: Descriptor of the folder.
        name: The entry.
        status: Its result of `lstat`.

    Raises:
        OSError: It cannot be removed.
    """
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(name, dir_fd=parent)
        return
    if status.st_mode & 0o700 != 0o700:
        make_accessible(parent, name)
    with opened(name, FOLDER_FLAGS, dir_fd=parent) as descriptor:
        with os.scandir(descriptor) as found:
            below = [(os.fsencode(one.name), one.stat(follow_symlinks=False)) for one in found]
        for inner, inner_status in below:
            remove(descriptor, inner, inner_status)
    os.rmdir(name, dir_fd=parent)


def make_accessible(parent: int, name: bytes) -> None:
    """Give the owner all permissions on a folder; a link in its place is not followed.

    Args:
        parent: Descriptor of its parent folder.
        name: The folder.
    """
    if not sys.platform.startswith("linux"):
        os.chmod(name, 0o700, dir_fd=parent, follow_symlinks=False)
        return
    # O_PATH needs no permission on the folder itself, and /proc gives the descriptor a path.
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
    with opened(name, flags, dir_fd=parent) as descriptor:
        os.chmod(f"/proc/self/fd/{descriptor}", 0o700)
