"""Ithaca's side of the user's kernel: loads and saves the values of a step.

The runner puts this package on the kernel's path, names the step file in `ITHACA_STEP`, and runs
`import ithaca_kernel; ithaca_kernel.load()` before the user's cells and `ithaca_kernel.save()`
after them. It imports the standard library and a private copy of cloudpickle only, on Python 3.9
or newer, and leaves nothing in the notebook's namespace but the values. What it writes into the
volume is described in `objects` and `names`, and read without loading by `ithaca.values`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .step import ValueProblem

if TYPE_CHECKING:
    from .run import StepRun

__all__ = ["ValueProblem", "load", "save", "watch"]

_run: StepRun | None = None


def watch() -> None:
    """Note in the report which line of which cell fails, from now on.

    `load` does it too; a cell that runs before it may do it earlier.
    """
    _step_run()


def load() -> None:
    """Restore the process and bind the values that the step reads.

    Raises:
        ValueProblem: Something that the step reads is not there or cannot be loaded.
    """
    _step_run().load()


def save() -> None:
    """Write the values, metrics and process state that the step leaves.

    Raises:
        ValueProblem: A value that a later step reads cannot be saved, or a metric is no number.
    """
    _step_run().save()


def _step_run() -> StepRun:
    global _run
    if _run is None:
        from .run import StepRun

        _run = StepRun()
    return _run
