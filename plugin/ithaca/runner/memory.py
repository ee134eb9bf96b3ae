"""Whether the system killed processes of ours for want of memory."""

from __future__ import annotations

import contextlib
from pathlib import Path

_COUNTERS = ("memory.events", "memory/memory.oom_control")
"""Of the second version of control groups, and of the first."""


def kills(root: Path = Path("/sys/fs/cgroup")) -> int:
    """How many processes of our control group the system has killed; 0 where nobody counts.

    A container sees its own group there; elsewhere it is that of the whole machine.

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
