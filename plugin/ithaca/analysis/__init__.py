"""Analysis: what each step of a tagged notebook runs, reads from others and writes for others.

Cells are parsed as IPython runs them (`cells`, `magics`); one resolver turns statements into events
on the notebook's names (`scopes`, `expressions`, `effects`); `flow` runs the events of a step on an
abstract namespace; `graph` carries names along `needs`; `shared` and `code` choose the statements
of `imports` and `functions` cells that a step runs; `digest` computes the digest of its code.
`names` and `advice` report problems.

This room may import `model`, `notebook`, `diagnostics` and `errors`, and never runs or imports the
user's code. Its result goes to `compiling.compile`, which makes the IR.
"""

from __future__ import annotations

from ithaca.analysis.analyse import AnalysedStep, Analysis, analyse
from ithaca.analysis.metrics import metric_key

__all__ = ["AnalysedStep", "Analysis", "analyse", "metric_key"]
