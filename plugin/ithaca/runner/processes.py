"""Processes of a step: ending those that it left behind, and counting those killed without memory.

A process that outlives its parent goes to the nearest ancestor that asked for it. The runner asks
(on Linux; elsewhere the process group and the mark in the environment must do), so whatever a
step's kernel started is a descendant of the runner, and can be ended with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from pathlib import Path

import psutil

_SET_CHILD_SUBREAPER = 36
_COUNTERS = ("memory.events", "memory/memory.oom_control")
"""Files of control groups, version 2 and version 1."""

_adopting = False


def adopt() -> None:
    """Adopt what descendants of this process leave behind.

    Only for a process all of whose children belong to a step.
    """
    global _adopting
    if sys.platform == "linux":
        _adopting = ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def end_adopted() -> None:
    """Kill every descendant; does nothing in a process that adopts none."""
    while _adopting:
        alive = [each for each in psutil.Process().children(recursive=True) if _is_alive(each)]
        if not alive:
            return
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(alive, timeout=0.1)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def out_of_memory_kills(root: Path = Path("/sys/fs/cgroup")) -> int:
    """How many processes of this control group the system killed; 0 where it does not count.

    In a container this is its own group, elsewhere that of the whole machine.

    Args:
        root: Where control groups are mounted.
    """
    for name in _COUNTERS:
        with contextlib.suppress(OSError, ValueError):
            for line in (root / name).read_text().splitlines():
                key, _, number = line.partition(" ")
                if key == "oom_kill":
                    return int(number)
    return 0
