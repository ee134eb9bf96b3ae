"""The folders in which attempts run: `<home>/work/<run>/<step>/<attempt>`."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ulid import ULID

from ithaca.backends.local import lock

if TYPE_CHECKING:
    from collections.abc import Callable

LOCK = ".lock"
"""Name of the lock beside a run's steps; it cannot be the name of a step."""

TRASH = ".trash"


def run_folder(home: Path, run_id: str) -> Path:
    """The folder of a run's attempts."""
    return home / "work" / run_id


def lock_path(home: Path, run_id: str) -> Path:
    """The lock of a run's owner."""
    return run_folder(home, run_id) / LOCK


class Remover:
    """Deletes folders in the background: renames each at once and deletes it later."""

    def __init__(self, home: Path) -> None:
        self._trash = home / "work" / TRASH
        self._threads: list[threading.Thread] = []

    def remove(self, folder: Path) -> None:
        """Rename a folder away and delete it in the background."""
        if not folder.exists():
            return
        away = self._trash / str(ULID())
        try:
            self._trash.mkdir(parents=True, exist_ok=True)
            folder.rename(away)
        except OSError:
            away = folder  # on another file system, or the disk is full: delete it in place
        thread = threading.Thread(target=_delete, args=(away,), daemon=True)
        thread.start()
        self._threads.append(thread)

    def finish(self) -> None:
        """Wait until everything is deleted."""
        for thread in self._threads:
            thread.join()


def sweep(home: Path) -> None:
    """Delete the folders and logs of supervisors that were killed."""
    work = home / "work"
    for folder in sorted(work.glob("*")):
        if folder.name == TRASH:
            continue
        try:
            held = lock.hold(folder / LOCK)
        except OSError:
            continue  # its owner lives
        try:
            _delete(folder)
        finally:
            os.close(held)
    for folder in sorted((work / TRASH).glob("*")):
        _delete(folder)
    for log in sorted((home / "logs").glob("*.log")):
        if not log.stat().st_size and not lock.is_held(lock_path(home, log.stem)):
            log.unlink(missing_ok=True)


def _delete(folder: Path) -> None:
    def writable(function: Callable[..., Any], path: str, _: Any) -> None:
        # A step may have left folders that cannot be written.
        with contextlib.suppress(OSError):
            Path(path).parent.chmod(stat.S_IRWXU)
            Path(path).chmod(stat.S_IRWXU)
            function(path)

    shutil.rmtree(folder, onerror=writable)
