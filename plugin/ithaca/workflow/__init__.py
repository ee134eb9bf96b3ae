"""The workflow: the backend-neutral IR, its JSON and schema, and how a notebook is compiled to it.

`model` is frozen data that every other room shares; `compile` calls `notebook` and `analysis` and
yields a `Workflow`, which goes to `planning` next. Importing this package loads only the model.
"""

from __future__ import annotations

from ithaca.workflow.model import (
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
