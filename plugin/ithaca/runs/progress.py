"""A table of a run's steps that follows the run, in a terminal or in a notebook."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

from ithaca.runs.html import run_html

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.table import Table

    from ithaca.model.workflow import Workflow
    from ithaca.records.fold import RunState

STYLES = {
    "succeeded": "green",
    "reused": "cyan",
    "running": "blue",
    "waiting": "yellow",
    "failed": "red",
    "timed_out": "red",
    "lost": "red",
    "cancelled": "magenta",
}
"""Style of a status in a terminal; what is not named is dim."""


@contextlib.contextmanager
def shown(workflow: Workflow) -> Iterator[Callable[[RunState], None]]:
    """Show a run for as long as the block lasts; the last state stays on the screen.

    Args:
        workflow: What runs.

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
        yield lambda state: live.update(table(state))


def table(state: RunState) -> Table:
    """The steps of a run as a table for a terminal."""
    from rich.table import Table
    from rich.text import Text

    found = Table(box=None, pad_edge=False, title=f"{state.id}  {state.name}", title_justify="left")
    for head in ("step", "state", "seconds"):
        found.add_column(head, justify="right" if head == "seconds" else "left", no_wrap=True)
    for step in state.steps:
        status = Text(step.status.replace("_", " "), style=STYLES.get(step.status, "dim"))
        seconds = "" if step.seconds is None else f"{step.seconds:.1f}"
        found.add_row(step.name, status, seconds)
    return found


def _in_notebook() -> bool:
    """Whether the caller runs in a kernel, whose front end shows HTML."""
    shell = sys.modules.get("IPython")
    found = shell.get_ipython() if shell is not None else None
    return found is not None and hasattr(found, "kernel")
