"""The terminal that IPython gives to `!command`: nobody sits at it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Callable

_SHELLS = ("sh", "bash", "dash", "ksh", "zsh")


def take_input_from_nobody() -> None:
    """Let `!command` read an empty input.

    IPython runs it at a terminal of its own; one that asks (`!pip uninstall x`) would wait there
    for ever. Does nothing in a plain interpreter.
    """
    ipykernel: Any = sys.modules.get("ipykernel.zmqshell")
    run = getattr(ipykernel, "system", None)
    # IPython uses the shell that SHELL names, and only these are known to take the line.
    if run is None or Path(os.environ.get("SHELL", "sh")).name not in _SHELLS:
        return
    ipykernel.system = _with_empty_input(run)


def _with_empty_input(run: Callable[[str], Any]) -> Callable[[str], Any]:
    def system(command: str) -> Any:
        return run(f"exec </dev/null\n{command}")

    return system
