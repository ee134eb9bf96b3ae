"""Workflows and runs that the tests of all backends for clusters share."""

from __future__ import annotations

from typing import Any

from ithaca.model.run import PlannedStep, RunDocument
from ithaca.model.workflow import Parameter, Source, Step, Workflow


def workflow(*steps: Step, **more: Any) -> Workflow:
    """A workflow of these steps, else of `load` and `train`."""
    chosen = steps or (Step(name="load"), Step(name="train", needs=("load",)))
    source = Source(notebook="digits.ipynb", digest="d" * 64)
    return Workflow(name="digits", steps=chosen, source=source, **more)


def with_parameters(**defaults: Any) -> Workflow:
    """A workflow with parameters."""
    kinds = {name: type(value).__name__ for name, value in defaults.items()}
    return workflow(
        parameters=tuple(
            Parameter(name=name, type=kinds[name], default=value)  # type: ignore[arg-type]
            for name, value in defaults.items()
        )
    )


def run(*plan: PlannedStep, **arguments: Any) -> RunDocument:
    """A planned run."""
    return RunDocument(
        id="01JAAAAAAAAAAAAAAAAAAAAAAA",
        created=1.0,
        workflow="w" * 64,
        name="digits",
        arguments=arguments,
        source="5" * 64,
        notebook="digits.ipynb",
        root="/home/somebody/digits",
        python="python",
        environment="e",
        plan=plan,
    )
