"""Watches the cells, to report which line of which cell failed."""

from __future__ import annotations

import traceback
from types import TracebackType
from typing import Any, Callable, Dict, List, Optional

from .notebook import shell
from .step import Report, ValueProblem

_LONGEST = 2000


class CellWatch:
    """Reports why a cell failed.

    Args:
        report: The report.
        after: Called after each cell.
    """

    def __init__(self, report: Report, after: Callable[[], None]) -> None:
        self._report = report
        self._after = after
        self._shell = shell()

    def start(self) -> None:
        """Start to watch; does nothing in a plain interpreter."""
        if self._shell is not None:
            self._shell.events.register("post_run_cell", self.after_cell)

    def after_cell(self, result: Any) -> None:
        """Report a cell's exception.

        Args:
            result: IPython's `ExecutionResult`.
        """
        self._after()
        problem = result.error_in_exec or result.error_before_exec
        if problem is None or isinstance(problem, ValueProblem):
            return
        self._report.exception = {
            "name": type(problem).__name__,
            "value": str(problem)[:_LONGEST],
            "execution": self._execution(),
            "cell": getattr(result.info, "cell_id", None),
            "line": failing_line(problem, self._shell.user_ns),
            "frames": frames(problem),
        }
        self._report.write()

    def _execution(self) -> Optional[str]:
        parent: Dict[str, Any] = getattr(self._shell, "parent_header", None) or {}
        header: Dict[str, Any] = parent.get("header", {})
        found: Optional[str] = header.get("msg_id")
        return found


def failing_line(problem: BaseException, namespace: Dict[str, Any]) -> Optional[int]:
    """The failed line of the cell, from 1: the innermost frame in the cell's own code.

    Args:
        problem: The cell's exception.
        namespace: The notebook's namespace.
    """
    cell: Optional[str] = None
    line: Optional[int] = None
    place: Optional[TracebackType] = problem.__traceback__
    while place is not None:
        code = place.tb_frame.f_code
        if cell is None and place.tb_frame.f_globals is namespace:
            cell = code.co_filename
        if cell is not None and code.co_filename == cell:
            line = place.tb_lineno
        place = place.tb_next
    if line is None and isinstance(problem, SyntaxError):
        return problem.lineno
    return line


def frames(problem: BaseException) -> List[Dict[str, Any]]:
    """The frames of the traceback, outermost first."""
    return [
        {"file": frame.filename, "line": frame.lineno, "function": frame.name}
        for frame in traceback.extract_tb(problem.__traceback__)
    ]
