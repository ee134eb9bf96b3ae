"""Helpers for tests of whole runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil

Notebook = Callable[..., Path]


def processes(text: str) -> list[psutil.Process]:
    """The runners, kernels and supervisors whose command line or step contains a text."""
    found = []
    for process in psutil.process_iter():
        try:
            marks = " ".join(process.cmdline()) + process.environ().get("ITHACA_STEP", "")
            if text in marks and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found
