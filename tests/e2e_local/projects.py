"""What the tests of whole runs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil

Notebook = Callable[..., Path]


def processes(text: str) -> list[psutil.Process]:
    """The runners, kernels and supervisors whose command line or step names a text."""
    found = []
    for process in psutil.process_iter():
        try:
            told = " ".join(process.cmdline()) + process.environ().get("ITHACA_STEP", "")
            if text in told and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
