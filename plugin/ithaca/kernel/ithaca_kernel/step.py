"""The step file, with which the runner describes a step, and the report, the kernel's answer."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from .files import read_json, report_to_json, write_atomically


@dataclass(frozen=True)
class Step:
    """The step file, named by the environment variable `ITHACA_STEP`.

    Attributes:
        name: The step's name, for messages; may be empty.
        root: Absolute path of the root as the kernel sees it.
        volume: Ithaca's reserved folder inside the root.
        reads: Names that the step's cells read before they bind them.
        writes: Names that a later step may read.
        parameters: Names of the parameters that the step consumes.
        definitions: Names bound by the `functions` cells that the step runs.
        metrics: Metric name to variable.
        read_later: Names that some later step reads; a problem with another name is a notice.
        report: Path of the report.
        private_root: Whether the root has the same path in every step of the run.
        secrets: Environment variables that hold secrets.
        last: Whether no step needs this one.
    """

    name: str
    root: Path
    volume: Path
    reads: Tuple[str, ...]
    writes: Tuple[str, ...]
    parameters: Tuple[str, ...]
    definitions: Tuple[str, ...]
    metrics: Dict[str, str]
    read_later: Tuple[str, ...]
    report: Path
    private_root: bool
    secrets: Tuple[str, ...]
    last: bool

    @property
    def values(self) -> Path:
        """The folder of values inside the volume."""
        return self.volume / "values"

    @property
    def title(self) -> str:
        """The step's name in messages."""
        return f"step {self.name}" if self.name else "the step"


def read_step(path: Optional[Path] = None) -> Step:
    """Read the step file.

    Args:
        path: The file; by default the one that `ITHACA_STEP` names.
    """
    source = path or Path(os.environ["ITHACA_STEP"])
    fields: Dict[str, Any] = read_json(source)
    root = Path(fields["root"])
    writes = tuple(fields.get("writes", ()))
    return Step(
        name=fields.get("name", ""),
        root=root,
        volume=Path(fields.get("volume") or root / ".ithaca-volume"),
        reads=tuple(fields.get("reads", ())),
        writes=writes,
        parameters=tuple(fields.get("parameters", ())),
        definitions=tuple(fields.get("definitions", ())),
        metrics=dict(fields.get("metrics", {})),
        read_later=tuple(fields.get("read_later", writes)),
        report=Path(fields["report"]),
        private_root=bool(fields.get("private_root", True)),
        secrets=tuple(fields.get("secrets", ())),
        last=bool(fields.get("last", False)),
    )


class ValueProblem(Exception):
    """A value that cannot be loaded, saved or published.

    Args:
        code: The stable code, `ITH51x`.
        message: What happened, in one sentence.
        cure: What to do about it, as an instruction.
        name: The value's name, if the problem is about one.
    """

    def __init__(self, code: str, message: str, cure: str = "", name: str = "") -> None:
        super().__init__(f"{code}: {message}" + (f" → {cure}" if cure else ""))
        self.code = code
        self.message = message
        self.cure = cure
        self.name = name

    def _render_traceback_(self) -> List[str]:
        """IPython's traceback: only the message, because the frames are not the user's code."""
        return [str(self)]


class Report:
    """The kernel's report to the runner; every write replaces the whole file.

    Args:
        path: The report's file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: List[Dict[str, Any]] = []
        self.metrics: Dict[str, float] = {}
        self.notices: List[str] = []
        self.error: Optional[Dict[str, Any]] = None
        self.exception: Optional[Dict[str, Any]] = None

    def fail(self, problem: ValueProblem) -> None:
        """Record the problem that ends the step."""
        fields = ("code", "message", "cure", "name")
        self.error = {field: getattr(problem, field) for field in fields}

    def write(self) -> None:
        """Write the report, atomically."""
        content = {field: value for field, value in vars(self).items() if field != "path"}
        write_atomically(self.path, report_to_json(content))
