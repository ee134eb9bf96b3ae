"""Ithaca: tagged notebooks become workflows whose steps run in snapshot-restored volumes.

Example:
    >>> import ithaca
    >>> run = ithaca.run("train.ipynb", {"lr": 0.01}).wait()  # doctest: +SKIP
    >>> run.status, run.metrics  # doctest: +SKIP
    ('succeeded', {'loss': 0.12})

Importing this package loads nothing; each name is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ithaca import errors as errors
    from ithaca.kernel.ithaca_kernel.reporting import report as report
    from ithaca.model.study import Choice as Choice
    from ithaca.model.study import Float as Float
    from ithaca.model.study import Int as Int
    from ithaca.model.workflow import Step as Step
    from ithaca.runs import Preparation as Preparation
    from ithaca.runs import Run as Run
    from ithaca.runs import Workflow as Workflow
    from ithaca.runs import check as check
    from ithaca.runs import compile as compile  # noqa: A004 - the public name
    from ithaca.runs import open_run as open_run
    from ithaca.runs import prepare as prepare
    from ithaca.runs import run as run
    from ithaca.tuning import Study as Study
    from ithaca.tuning import open_study as open_study
    from ithaca.tuning import tune as tune

__all__ = [
    "Choice",
    "Float",
    "Int",
    "Preparation",
    "Run",
    "Step",
    "Study",
    "Workflow",
    "__version__",
    "check",
    "compile",
    "errors",
    "open_run",
    "open_study",
    "prepare",
    "report",
    "run",
    "tune",
]

_HOMES = {
    "report": "ithaca.kernel.ithaca_kernel.reporting",
    "Step": "ithaca.model.workflow",
    **dict.fromkeys(("Choice", "Float", "Int"), "ithaca.model.study"),
    **dict.fromkeys(("Study", "open_study", "tune"), "ithaca.tuning"),
}
"""Where names are that are not in `ithaca.runs`."""


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "__version__":
        from importlib.metadata import version

        return version("ithaca")
    if name == "errors":
        return import_module("ithaca.errors")
    if name not in __all__:
        raise AttributeError(f"module 'ithaca' has no attribute {name!r}")
    return getattr(import_module(_HOMES.get(name, "ithaca.runs")), name)


def __dir__() -> list[str]:
    return sorted(__all__)
