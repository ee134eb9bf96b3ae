"""The environment of a lock on this machine: installed once in Ithaca's home folder."""

from __future__ import annotations

import fcntl
from typing import TYPE_CHECKING

import msgspec

from ithaca.runner.environment import describe
from ithaca.runner.environments import building, kept, lock
from ithaca.runner.environments.kept import Platform

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ithaca.runner.environment import Environment
    from ithaca.runner.environments.lock import Lock

_READY = "ithaca-environment.json"
"""Written last: without it the environment is incomplete."""


def install(
    found: Lock,
    root: Path,
    base: Environment,
    home: Path,
    say: Callable[[str], None],
) -> tuple[Environment, tuple[str, ...]]:
    """Install the environment of a lock, unless it is installed.

    Args:
        found: The lock.
        root: The project's root.
        base: The interpreter.
        home: Ithaca's home folder.
        say: Called with each line of uv's output.

    Returns:
        The environment, and notices.

    Raises:
        UsageError: uv is not installed, or the lock cannot be read or installed.
        BackendError: A package index did not respond.
    """
    name = kept.lock_name(lock.digest(root, found), Platform.of(base)).rpartition("/")[2]
    folder = home / "environments"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / name[:32]
    with (folder / f"{target.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # another run may be installing it
        ready = _read(target / _READY)
        if ready is not None:
            return describe(target / "bin" / "python", cache=home / "cache"), ready["notices"]
        built, notices = building.build(found, root, base, target, say=say)
        (target / _READY).write_bytes(msgspec.json.encode({"notices": notices}))
    return built, notices


def _read(path: Path) -> dict[str, tuple[str, ...]] | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, tuple[str, ...]])
    except (OSError, msgspec.MsgspecError):
        return None
