"""The model: frozen structures that every other room shares, without behaviour.

`workflow` is the backend-neutral workflow (IR); `run` has the documents of a run. The room imports
nothing of Ithaca.
"""

from __future__ import annotations

from ithaca.model.workflow import (
    Code,
    Metric,
    Parameter,
    Resources,
    Secret,
    Source,
    Step,
    Study,
    Volume,
    Workflow,
)

__all__ = [
    "Code",
    "Metric",
    "Parameter",
    "Resources",
    "Secret",
    "Source",
    "Step",
    "Study",
    "Volume",
    "Workflow",
]
