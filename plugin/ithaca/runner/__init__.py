"""The runner: executes one attempt of a step, the same way in every backend.

`python -m ithaca.runner TASK.json` restores the step's before snapshot, runs its cells through
papermill in a kernel of the user's own interpreter, takes the after snapshot and publishes the
execution. `step` is the order of things; `environment`, `kernelspec` and `overlay` know the user's
interpreter and what a step installs; `root`, `enter` and `kernel` start its kernel at the one path
of the project root and end it for sure; `notebook` and `engine` are what papermill executes and
how; `recording`, `log` and `outputs` are what is kept while cells run; `failure` puts into words
what went wrong. What lies in `inside` runs in the user's interpreter.

The room may import planning's keys, records, snapshots and the workflow. Its results are documents
in the store, from where backends and views read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ithaca.runner.environment import Environment as Environment
    from ithaca.runner.environment import check_usable as check_usable
    from ithaca.runner.environment import describe as describe
    from ithaca.runner.kernelspec import resolve_kernel as resolve_kernel
    from ithaca.runner.step import execute as execute
    from ithaca.runner.task import Task as Task

_WHERE = {
    "Environment": "environment",
    "Task": "task",
    "check_usable": "environment",
    "describe": "environment",
    "execute": "step",
    "resolve_kernel": "kernelspec",
}

__all__ = ["Environment", "Task", "check_usable", "describe", "execute", "resolve_kernel"]


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
