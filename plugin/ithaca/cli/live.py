"""Watch a run: a live table on a terminal, one line per change elsewhere."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from ithaca.cli import internals
from ithaca.cli.groups import Groups
from ithaca.cli.output import COLOURS, discard_stdout, duration, print_json, print_notice
from ithaca.cli.run_views import question
from ithaca.cli.summary import command, summary
from ithaca.records.fold import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, Group

    from ithaca.model.run import Progress
    from ithaca.records.fold import RunState, StepState
    from ithaca.runs import Run

POLL = 0.2
"""Seconds between two reads of the run's state."""


def follow(run: Run, *, wait: bool, as_json: bool) -> int:
    """Watch a run to its end, print how it ended, and return the exit code.

    Args:
        run: The run.
        wait: False to print its id and return at once.
        as_json: Print the JSON of `ithaca run --json`; progress goes to stderr.
    """
    groups = Groups(run, to_stderr=as_json)
    with Interrupts() as interrupts:
        with _pipe_may_close():
            for notice in internals.document(run).notices:
                print_notice(notice)
            if wait:
                _watch(run, interrupts, groups, to_stderr=as_json)
            elif as_json:
                print_json(_description(run))
            else:
                click.echo(run.id)
        if not wait:
            return 0
        with internals.changes(run) as sleep:
            while not interrupts.count and run.status not in ENDED:
                sleep(POLL)  # the reader closed the pipe
        if interrupts.count and not _cancel(run, interrupts):
            return 130
    state = run.state()
    with _pipe_may_close():
        groups.report(state)  # steps that ended during the cancellation
        if as_json:
            print_json(_description(run))
        else:
            summary(run, state, interrupted=bool(interrupts.count))
    return {"succeeded": 0, "cancelled": 130}.get(state.status, 1)


def _description(run: Run) -> dict[str, Any]:
    from ithaca.runs.handle import describe

    return describe(run.state(), run.url)


@contextmanager
def _pipe_may_close() -> Iterator[None]:
    """Keep the exit code if the reader of our output closes the pipe (`| head -1`)."""
    try:
        yield
    except BrokenPipeError:
        discard_stdout()


class Interrupts:
    """Counts presses of Ctrl-C instead of raising an exception at an arbitrary place.

    Attributes:
        count: The number of presses.
    """

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Interrupts:
        self._before = signal.signal(signal.SIGINT, self._pressed)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _pressed(self, *_: object) -> None:
        self.count += 1


def _cancel(run: Run, interrupts: Interrupts) -> bool:
    """Cancel the run and wait for its end; False if Ctrl-C stops the wait."""
    from ithaca.errors import UsageError

    with suppress(UsageError):  # it may have ended meanwhile
        run.cancel()
    pressed = interrupts.count
    click.echo("cancelling the run; press Ctrl-C again to stop waiting …", err=True)
    while run.status not in ENDED:
        if interrupts.count > pressed:
            click.echo(f"the run is being cancelled: {command(run)} runs show {run.id}", err=True)
            return False
        time.sleep(POLL / 4)
    return True


def _watch(run: Run, interrupts: Interrupts, groups: Groups, *, to_stderr: bool) -> None:
    stream = sys.stderr if to_stderr else sys.stdout
    with internals.changes(run) as sleep:
        if stream.isatty() and not groups:
            _watch_table(run, interrupts, sleep, to_stderr=to_stderr)
        else:
            _watch_lines(run, interrupts, sleep, groups, to_stderr=to_stderr)


def _watch_lines(
    run: Run,
    interrupts: Interrupts,
    sleep: Callable[[float], None],
    groups: Groups,
    *,
    to_stderr: bool,
) -> None:
    """Print a line when a step's state changes, and in CI the logs of ended steps."""
    printed: dict[str, tuple[str, int, str]] = {}
    click.echo(f"run {run.id}", err=to_stderr)
    while not interrupts.count:
        state = run.state()
        for step in state.steps:
            cure = step.obstacle.cure if step.obstacle else ""  # the message may alternate
            now = (step.status, step.attempt, cure)
            if printed.get(step.name, ("pending", 0, "")) != now:
                printed[step.name] = now
                click.echo(f"{step.name}: {_status_line(run, step)}", err=to_stderr)
        groups.report(state)
        if state.status in ENDED:
            return
        sleep(POLL)


def _status_line(run: Run, step: StepState) -> str:
    """A step's state in words, such as `failed in 1.6 s; retrying (attempt 2 of 3)`."""
    if step.status == "reused":
        return f"reused from {step.reused_from or 'an earlier run'}"
    if step.status == "waiting":
        return "\n".join([f"waiting for approval: {question(step)}", *_answers(run, step)])
    if step.obstacle is not None:
        return f"cannot start: {step.obstacle}\n  → {step.obstacle.cure}"
    took = "" if step.seconds is None else f" in {duration(step.seconds)}"
    attempt = _attempt(run, step)
    if _between_attempts(step):
        return f"failed{took}; retrying ({attempt})"
    return step.status.replace("_", " ") + (f" ({attempt})" if attempt else "") + took


def _between_attempts(step: StepState) -> bool:
    """Whether an attempt of the step failed and the next one has not started."""
    return step.status == "pending" and step.attempt > 0


def _attempt(run: Run, step: StepState) -> str:
    """`attempt 2 of 3`: the current or next attempt; empty for the first one."""
    number = step.attempt + _between_attempts(step)
    if number < 2:
        return ""
    # Attempts that were lost to the machine do not count against the step's retries.
    allowed = internals.workflow(run).step(step.name).retries + 1
    return f"attempt {number} of {max(number, allowed)}"


def _watch_table(
    run: Run, interrupts: Interrupts, sleep: Callable[[float], None], *, to_stderr: bool
) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=to_stderr)
    state, printed = run.state(), set[str]()
    with Live(_table(run, state), console=console, refresh_per_second=8) as live:
        while state.status not in ENDED and not interrupts.count:
            _print_hints(run, state, printed, console)
            sleep(POLL)
            state = run.state()
            live.update(_table(run, state))


def _print_hints(run: Run, state: RunState, printed: set[str], console: Console) -> None:
    """Print above the table, once each, how to answer a waiting step or remove an obstacle.

    The table would break the commands at the terminal's width, so that they could not be copied.
    """
    for step in state.steps:
        if step.status == "waiting" and step.name not in printed:
            printed.add(step.name)
            for line in (
                f"{step.name} is waiting for approval: {question(step)}",
                *_answers(run, step),
            ):
                console.print(line, soft_wrap=True, markup=False, highlight=False)
        hint = f"{step.name}: {step.obstacle.cure}" if step.obstacle else ""
        if step.obstacle is not None and hint not in printed:
            printed.add(hint)
            text = f"{step.name} {_remark(run, step)}\n  → {step.obstacle.cure}"
            console.print(text, soft_wrap=True, markup=False, highlight=False)


def _answers(run: Run, step: StepState) -> tuple[str, str]:
    called = f"  {command(run)} runs"
    return f"{called} approve {run.id}/{step.name}", f"{called} reject {run.id}/{step.name}"


def _table(run: Run, state: RunState) -> Group:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    title = Text(f"{run.id}  {state.name}", style="italic", no_wrap=True, overflow="ellipsis")
    table = Table(box=None, pad_edge=False)
    for head in ("step", "state", "cell", "time", ""):
        plain = head in ("state", "cell", "time")
        table.add_column(head, justify="right" if head == "time" else "left", no_wrap=plain)
    for step in state.steps:
        running = step.status == "running"
        elapsed = time.time() - step.started if running and step.started else step.seconds
        status = "failed" if _between_attempts(step) else step.status
        table.add_row(
            step.name,
            Text(status.replace("_", " "), style=COLOURS.get(status, "dim")),
            _cell(internals.progress(run, step)) if running else "",
            duration(elapsed),
            Text(_remark(run, step), style="dim"),
        )
    return Group(title, table)


def _cell(progress: Progress | None) -> str:
    if progress is None:
        return ""
    number = f" (cell {progress.number})" if progress.number is not None else ""
    return f"{progress.cell} of {progress.cells}{number}"


def _remark(run: Run, step: StepState) -> str:
    if step.status == "waiting":
        return question(step)
    if step.obstacle is not None:
        return f"cannot start: {step.obstacle}"
    if step.status == "reused":
        return f"from {step.reused_from}" if step.reused_from else ""
    attempt = _attempt(run, step)
    return f"retrying ({attempt})" if _between_attempts(step) else attempt
