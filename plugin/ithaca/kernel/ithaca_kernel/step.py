"""What the runner tells the kernel about the step, and how the kernel answers."""

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
        report: Where the report goes.
        private_root: Whether the root has the same path in every step of the run.
        secrets: Environment variables that hold secrets.
        last: No step needs this one.
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
        """The step as messages call it."""
        return f"step {self.name}" if self.name else "the step"


def read_step(path: Optional[Path] = None) -> Step:
    """Read the step file.

    Args:
        path: The file; by default the one that `ITHACA_STEP` names.
    """
    source = path or Path(os.environ["ITHACA_STEP"])
    told: Dict[str, Any] = read_json(source)
    root = Path(told["root"])
    writes = tuple(told.get("writes", ()))
    return Step(
        name=told.get("name", ""),
        root=root,
        volume=Path(told.get("volume") or root / ".ithaca-volume"),
        reads=tuple(told.get("reads", ())),
        writes=writes,
        parameters=tuple(told.get("parameters", ())),
        definitions=tuple(told.get("definitions", ())),
        metrics=dict(told.get("metrics", {})),
        read_later=tuple(told.get("read_later", writes)),
        report=Path(told["report"]),
        private_root=bool(told.get("private_root", True)),
        secrets=tuple(told.get("secrets", ())),
        last=bool(told.get("last", False)),
    )


class ValueProblem(Exception):
    """A value that cannot be loaded, saved or published.

    Args:
        code: The stable code, `ITH51x`.
        message: What happened, one sentence.
        cure: What the user can do about it.
        name: The value's name, when one is meant.
    """

    def __init__(self, code: str, message: str, cure: str = "", name: str = "") -> None:
        super().__init__(f"{code}: {message}" + (f" → {cure}" if cure else ""))
        self.code = code
        self.message = message
        self.cure = cure
        self.name = name

    def _render_traceback_(self) -> List[str]:
        """What IPython shows for it: its frames are Ithaca's, not the user's."""
        return [str(self)]


class Report:
    """What the kernel tells the runner; written whole, whenever something is known.

    Args:
        path: Where it is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: List[Dict[str, Any]] = []
        self.metrics: Dict[str, float] = {}
        self.notices: List[str] = []
        self.error: Optional[Dict[str, Any]] = None
        self.exception: Optional[Dict[str, Any]] = None

    def fail(self, problem: ValueProblem) -> None:
        """Note the problem that ends the step."""
        self.error = {
            "code": problem.code,
            "message": problem.message,
            "cure": problem.cure,
            "name": problem.name,
        }

    def write(self) -> None:
        """Write the report, atomically."""
        told = {
            "values": self.values,
            "metrics": self.metrics,
            "notices": self.notices,
            "error": self.error,
            "exception": self.exception,
        }
        write_atomically(self.path, report_to_json(told))
