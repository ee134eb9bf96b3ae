"""Which files of a folder a take would read: those that the stat cache does not vouch for."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ithaca.store.snapshots.scan import FOLDER_FLAGS, cannot_read, scan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ithaca.store.snapshots.cache import StatCache
    from ithaca.store.snapshots.ignore import Ignore


def fresh(root: Path, *, ignore: Ignore, cache: StatCache) -> Iterator[str]:
    """Relative paths of the files that changed since the cache saw them, sorted by folder.

    Args:
        root: The folder.
        ignore: What is left out.
        cache: What is known of its files, such as `restore` fills it.

    Raises:
        StoreError: A folder cannot be read.
    """
    try:
        descriptor = os.open(os.path.realpath(root), FOLDER_FLAGS)
    except OSError as error:
        cannot_read(".", error, os.fspath(root))
    try:
        found = scan(descriptor, ignore, besides=(-1, -1), where=os.fspath(root))
    finally:
        os.close(descriptor)
    for each in found.root.walk():
        known = cache.lookup(each.path, each.status)
        if stat.S_ISREG(each.status.st_mode) and known is None:
            yield each.text
