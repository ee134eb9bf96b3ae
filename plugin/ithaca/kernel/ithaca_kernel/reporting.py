"""`ithaca.report`: passes intermediate values from the step's processes to the runner."""

from __future__ import annotations

import json
import os
from pathlib import Path

REPORTS = "reports.jsonl"
"""File beside the step file, a line for each value."""

LAST = "last"
"""Folder beside the step file with what comes after everything else on the module path."""


def report(value: float, step: int) -> None:
    """Report an intermediate value of the objective, such as the loss after an epoch.

    In a trial of `ithaca tune` the pruner compares it with those of other trials, and may end the
    trial. Everywhere else nothing happens.

    Args:
        value: The value, such as a validation loss. NaN is allowed.
        step: The epoch or iteration, from 0 on. A later value for the same step replaces the first.

    Raises:
        TypeError: `value` is no number, or `step` no whole number.
        ValueError: `step` is negative.

    Example:
        >>> for epoch, loss in enumerate([0.9, 0.4]):
        ...     report(loss, epoch)
    """
    number = float(value)
    if isinstance(step, bool) or not hasattr(step, "__index__"):
        raise TypeError(f"step must be a whole number, not {step!r}")
    position = step.__index__()
    if position < 0:
        raise ValueError(f"step must be at least 0 (got {position})")
    described = os.environ.get("ITHACA_STEP")
    if not described:
        return
    line = json.dumps([position, repr(number)]) + "\n"
    path = Path(described).with_name(REPORTS)
    try:
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError:  # a process that outlived its step
        return
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)
