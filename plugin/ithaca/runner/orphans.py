"""What a step started and left behind, whatever session and environment it gave itself.

A process that outlives its parent goes to the nearest ancestor that asked for it. The runner asks
(Linux; elsewhere the process group and the mark in the environment have to do), so whatever a
step's kernel started is a descendant of the runner, and can be ended with it.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys

import psutil

_SET_CHILD_SUBREAPER = 36

_adopting = False


def adopt() -> None:
    """From now on, take in what descendants of this process leave behind.

    Only for a process all of whose children belong to a step.
    """
    global _adopting
    if sys.platform == "linux":
        _adopting = ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0


def end_adopted() -> None:
    """Kill every descendant; does nothing in a process that adopts none."""
    while _adopting:
        alive = [each for each in psutil.Process().children(recursive=True) if _lives(each)]
        if not alive:
            return
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(alive, timeout=0.1)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
