"""How a run proceeds: a table of its steps that follows it, in a terminal or in a notebook."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

from ithaca.runs.html import run_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Group

    from ithaca.model.run import Progress
    from ithaca.model.workflow import Workflow
    from ithaca.records.fold import RunState, StepState

    Cells = Callable[[str, int], Progress | None]

WIDEST = 40
"""Characters of a value in a table."""

COLOURS = {
    "succeeded": "green",
    "reused": "cyan",
    "running": "blue",
    "waiting": "yellow",
    "failed": "red",
    "timed_out": "red",
    "lost": "red",
    "cancelled": "magenta",
}
"""Colour of a status in a terminal; others are dim."""


@contextlib.contextmanager
def shown(workflow: Workflow, cells: Cells) -> Iterator[Callable[[RunState], None]]:
    """Show a run for as long as the block lasts; the last state stays on the screen.

    Args:
        workflow: The workflow that runs.
        cells: Finds the cell that an attempt of a step runs.

    Yields:
        A function that shows a state.
    """
    if _in_notebook():
        from IPython.display import HTML, display

        handle = display(HTML(""), display_id=True)  # type: ignore[no-untyped-call]
        last = ""

        def show_page(state: RunState) -> None:
            nonlocal last
            page = run_html(state, workflow)
            if page != last:
                last = page
                handle.update(HTML(page))  # type: ignore[no-untyped-call]

        yield show_page
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), refresh_per_second=4) as live:
        yield lambda state: live.update(table(state, workflow, cells))


def table(state: RunState, workflow: Workflow, cells: Cells) -> Group:
    """The steps of a run as a table for a terminal.

    Args:
        state: The run's state.
        workflow: The workflow that runs.
        cells: Finds the cell that an attempt of a step runs.
    """
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    title = Text(f"{state.id}  {state.name}", style="italic", no_wrap=True, overflow="ellipsis")
    found = Table(box=None, pad_edge=False)
    for head in ("step", "state", "cell", "time", ""):
        plain = head in ("state", "cell", "time")
        found.add_column(head, justify="right" if head == "time" else "left", no_wrap=plain)
    for step in state.steps:
        running = step.status == "running"
        elapsed = time.time() - step.started if running and step.started else step.seconds
        status = "failed" if between_attempts(step) else step.status
        found.add_row(
            step.name,
            Text(status.replace("_", " "), style=COLOURS.get(status, "dim")),
            _cell(cells(step.name, step.attempt)) if running else "",
            duration(elapsed),
            Text(remark(step, workflow), style="dim"),
        )
    return Group(title, found)


def remark(step: StepState, workflow: Workflow) -> str:
    """What a reader wants to know of a step besides its state."""
    attempt = attempt_label(step, workflow)
    return reason(step) or (f"retrying ({attempt})" if between_attempts(step) else attempt)


def reason(step: StepState) -> str:
    """Why a step does not run now, or need not run; empty if neither is so."""
    if step.status == "waiting":
        return question(step)
    if step.obstacle is not None:
        return f"cannot start: {step.obstacle}"
    return f"from {step.reused_from}" if step.reused_from else ""


def question(step: StepState) -> str:
    """What a waiting step asks."""
    return step.question or "approve this step?"


def between_attempts(step: StepState) -> bool:
    """Whether an attempt of the step failed and the next one has not started."""
    return step.status == "pending" and step.attempt > 0


def attempt_label(step: StepState, workflow: Workflow) -> str:
    """`attempt 2 of 3`: the current or next attempt; empty for the first one."""
    number = step.attempt + between_attempts(step)
    if number < 2:
        return ""
    # Attempts that were lost to the machine do not count against the step's retries.
    return f"attempt {number} of {max(number, workflow.step(step.name).retries + 1)}"


def duration(seconds: float | None) -> str:
    """Seconds for people: `0.8 s`, `2 min 05 s`, `3 h 10 min`."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def short(value: object) -> str:
    """A value for a cell of a table."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def _cell(progress: Progress | None) -> str:
    if progress is None:
        return ""
    number = f" (cell {progress.number})" if progress.number is not None else ""
    return f"{progress.cell} of {progress.cells}{number}"


def _in_notebook() -> bool:
    """Whether the caller runs in a kernel, whose front end shows HTML."""
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None else None
    return found is not None and hasattr(found, "kernel")
