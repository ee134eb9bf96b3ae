"""What the analysis hands to the compiler."""

from __future__ import annotations

import msgspec

from ithaca.diagnostics import Diagnostic
from ithaca.model.workflow import Code, Metric, Parameter


class AnalysedStep(msgspec.Struct, frozen=True, kw_only=True):
    """What the analysis knows of a step; the fields are those of the IR.

    Attributes:
        code: What runs, in order: the shared statements that it needs, then its own cells.
        code_digest: Digest of the code's meaning.
        parameters: Names of the workflow's parameters that it consumes, sorted.
        reads: Names of the values that it takes from its ancestors, sorted.
        writes: Names of the values that it leaves for later steps, sorted.
    """

    code: tuple[Code, ...] = ()
    code_digest: str = ""
    parameters: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """A notebook, analysed.

    Attributes:
        steps: By name, in workflow order.
        parameters: In notebook order.
        metrics: In the order of the metrics cells.
        diagnostics: All that was found, in order of cell and line.
    """

    steps: dict[str, AnalysedStep] = {}
    parameters: tuple[Parameter, ...] = ()
    metrics: tuple[Metric, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
