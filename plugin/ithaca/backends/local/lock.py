"""A lock that a live process holds: it is free as soon as the process is gone.

The client takes a run's lock before it starts the supervisor, which inherits it: a run is never
without an owner in between.
"""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def hold(path: Path) -> int:
    """Take the lock and return the open file, to be passed on or closed.

    Raises:
        BlockingIOError: Another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        held = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A sweeper may have removed the file between open and lock.
            if os.path.samestat(os.fstat(held), path.stat()):
                return held
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
        except BaseException:
            os.close(held)
            raise
        os.close(held)


def is_held(path: Path) -> bool:
    """Whether a process holds the lock; several processes may ask at once."""
    try:
        asked = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(asked, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(asked)
    return False


def write_owner(held: int) -> None:
    """Write this process's id into the lock that it holds."""
    os.ftruncate(held, 0)
    os.pwrite(held, f"{os.getpid()}\n".encode(), 0)


def owner(path: Path) -> int | None:
    """Id of the process that holds the lock, if it is known."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    return int(text) if text.strip().isdigit() and is_held(path) else None
