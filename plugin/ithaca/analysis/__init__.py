"""Analysis: what each step of a tagged notebook runs, takes from others and leaves for others.

Cells are parsed as IPython runs them (`cells`, `magics`); one resolver turns statements into events
on the notebook's names (`scopes`, `expressions`, `effects`); `flow` runs the events of a step on an
abstract namespace; `graph` carries names along `needs`; `shared` and `code` choose the statements
of imports and functions cells that a step runs; `digest` says what of its code counts. `names` and
`advice` tell the user what is wrong or surprising.

This room may import `notebook.model`, `workflow.model`, `diagnostics` and `errors`. Nothing here
runs or imports the user's code. What it finds goes to `workflow.compile`, which makes the IR.
"""

from __future__ import annotations

from ithaca.analysis.analyse import analyse
from ithaca.analysis.metrics import metric_key
from ithaca.analysis.model import AnalysedStep, Analysis

__all__ = ["AnalysedStep", "Analysis", "analyse", "metric_key"]
