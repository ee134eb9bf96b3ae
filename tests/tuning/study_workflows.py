"""A workflow to search, without a notebook."""

from __future__ import annotations

from typing import Any

from ithaca.model.workflow import Metric, Parameter, Source, Step, Study, Workflow
from ithaca.tuning.request import Request, TuneOptions, gather, read_options


def workflow(study: Study | None = None) -> Workflow:
    """`load` reads rows, `train` lr, depth and kind, `evaluate` nothing."""
    return Workflow(
        name="digits",
        parameters=(
            Parameter(name="lr", type="float", default=0.1),
            Parameter(name="depth", type="int", default=3),
            Parameter(name="kind", type="str", default="svm"),
            Parameter(name="rows", type="int", default=100),
        ),
        steps=(
            Step(name="load", parameters=("rows",)),
            Step(name="describe", needs=("load",)),
            Step(name="train", needs=("load",), parameters=("depth", "kind", "lr")),
            Step(name="evaluate", needs=("describe", "train")),
        ),
        metrics=(
            Metric(name="loss", variable="loss", step="evaluate"),
            Metric(name="size", variable="size", step="evaluate"),
        ),
        study=study,
        source=Source(notebook="digits.ipynb", digest="d"),
    )


def request(study: Study | None = None, /, *earlier: TuneOptions, **tune_options: Any) -> Request:
    """A checked request for this workflow."""
    return gather(workflow(study), [*earlier, read_options(tune_options, "here")])
