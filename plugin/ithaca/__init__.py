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
    from ithaca.api import Run as Run
    from ithaca.api import check as check
    from ithaca.api import compile as compile  # noqa: A004 - the public name
    from ithaca.api import open_run as open_run
    from ithaca.api import run as run
    from ithaca.workflow.model import Step as Step
    from ithaca.workflow.model import Workflow as Workflow

__all__ = [
    "Run",
    "Step",
    "Workflow",
    "__version__",
    "check",
    "compile",
    "errors",
    "open_run",
    "run",
]

_WHERE = {
    "Run": "ithaca.api",
    "Step": "ithaca.workflow.model",
    "Workflow": "ithaca.workflow.model",
    "check": "ithaca.api",
    "compile": "ithaca.api",
    "open_run": "ithaca.api",
    "run": "ithaca.api",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "__version__":
        from importlib.metadata import version

        return version("ithaca")
    if name == "errors":
        return import_module("ithaca.errors")
    if name not in _WHERE:
        raise AttributeError(f"module 'ithaca' has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
