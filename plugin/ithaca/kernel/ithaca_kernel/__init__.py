"""Ithaca's side of the user's kernel: loads and saves the values of a step.

The runner puts this package on the kernel's path, names the step file in `ITHACA_STEP`, and runs
`import ithaca_kernel; ithaca_kernel.load()` before the user's cells and `ithaca_kernel.save()`
after them. It imports only the standard library and a private copy of cloudpickle, runs on Python
3.9 or newer, and adds nothing but the values to the notebook's namespace. `objects` and `names`
describe what it writes into the volume; `ithaca.values` reads that without loading it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .step import ValueProblem

if TYPE_CHECKING:
    from .run import StepRun

__all__ = ["ValueProblem", "load", "save", "watch"]

_run: StepRun | None = None


def watch() -> None:
    """Start to report which line of which cell fails.

    `load` does this too; call `watch` to include cells that run before it.
    """
    _step_run()


def load() -> None:
    """Restore the process and bind the values that the step reads.

    Raises:
        ValueProblem: A value that the step reads is missing or cannot be loaded.
    """
    _step_run().load()


def save() -> None:
    """Write the step's values, metrics and process state.

    Raises:
        ValueProblem: A value that a later step reads cannot be saved, or a metric is not a number.
    """
    _step_run().save()


def _step_run() -> StepRun:
    global _run
    if _run is None:
        from .run import StepRun

        _run = StepRun()
    return _run
