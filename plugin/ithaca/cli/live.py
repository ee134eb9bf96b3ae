"""Watching a run: a live table on a terminal, a line per change elsewhere."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from ithaca.cli.groups import Groups
from ithaca.cli.output import COLOURS, duration, print_json
from ithaca.cli.program import nobody_reads
from ithaca.cli.summary import command, summary
from ithaca.records.fold import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console, Group

    from ithaca.model.run import Progress
    from ithaca.records.fold import RunState, StepState
    from ithaca.runs import Run

POLL = 0.2


def follow(run: Run, *, wait: bool, as_json: bool) -> int:
    """Watch a run to its end, tell how it ended, and give the exit code.

    Args:
        run: The run.
        wait: False to print its id and leave it.
        as_json: Print the one object of `ithaca run --json`; progress goes to stderr.
    """
    groups = Groups(run, to_stderr=as_json)
    with Interrupts() as interrupts:
        with _pipe_may_close():
            for notice in run.journal.run().notices:
                click.echo(f"{click.style('notice', fg='yellow')}: {notice}", err=True)
            if wait:
                _watch(run, interrupts, groups, to_stderr=as_json)
            elif as_json:
                print_json(_description(run))
            else:
                click.echo(run.id)
        if not wait:
            return 0
        with run.session.follow(run.id) as sleep:
            while not interrupts.count and run.status not in ENDED:
                sleep(POLL)  # nobody reads us any more
        if interrupts.count and not _cancel(run, interrupts):
            return 130
    state = run.state()
    with _pipe_may_close():
        groups.tell(state)  # of what ended while we cancelled
        if as_json:
            print_json(_description(run))
        else:
            summary(run, state, ours=bool(interrupts.count))
    return {"succeeded": 0, "cancelled": 130}.get(state.status, 1)


def _description(run: Run) -> dict[str, Any]:
    from ithaca.runs.handle import describe

    return describe(run.state(), run.url)


@contextmanager
def _pipe_may_close() -> Iterator[None]:
    """Whoever read our output may have had enough (`| head -1`); the exit code still counts."""
    try:
        yield
    except BrokenPipeError:
        nobody_reads()


class Interrupts:
    """Counts how often Ctrl-C was pressed, instead of an exception wherever we are just then.

    Attributes:
        count: How often.
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
    """Cancel and wait; False when the user has no patience for that either."""
    from ithaca.errors import UsageError

    with suppress(UsageError):  # it may just have ended by itself
        run.cancel()
    pressed = interrupts.count
    click.echo("cancelling; Ctrl-C again leaves at once …", err=True)
    while run.status not in ENDED:
        if interrupts.count > pressed:
            click.echo(f"it ends by itself: {command(run)} runs show {run.id}", err=True)
            return False
        time.sleep(POLL / 4)
    return True


def _watch(run: Run, interrupts: Interrupts, groups: Groups, *, to_stderr: bool) -> None:
    stream = sys.stderr if to_stderr else sys.stdout
    with run.session.follow(run.id) as sleep:
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
    """A line whenever a step's state changes, and in CI the log of a step that ended."""
    told: dict[str, tuple[str, int, str]] = {}
    click.echo(f"run {run.id}", err=to_stderr)
    while not interrupts.count:
        state = run.state()
        for step in state.steps:
            why = step.obstacle.cure if step.obstacle else ""  # reasons alternate
            now = (step.status, step.attempt, why)
            if told.get(step.name, ("pending", 0, "")) != now:
                told[step.name] = now
                click.echo(f"{step.name}: {_words(run, step)}", err=to_stderr)
        groups.tell(state)
        if state.status in ENDED:
            return
        sleep(POLL)


def _words(run: Run, step: StepState) -> str:
    if step.status == "reused":
        return f"reused from {step.reused_from or 'an earlier run'}"
    if step.status == "waiting":
        return "\n".join([f"waiting: {step.question or 'may it run?'}", *_answers(run, step)])
    if step.obstacle is not None:
        return f"does not start: {step.obstacle}\n  → {step.obstacle.cure}"
    took = "" if step.seconds is None else f" in {duration(step.seconds)}"
    attempt = _attempt(run, step)
    if between_attempts(step):
        return f"failed{took}; {attempt} follows"
    return step.status.replace("_", " ") + (f" ({attempt})" if attempt else "") + took


def between_attempts(step: StepState) -> bool:
    """Whether an attempt of the step failed and another one follows."""
    return step.status == "pending" and step.attempt > 0


def _attempt(run: Run, step: StepState) -> str:
    """`attempt 2 of 3`: the one that runs, or that comes next; nothing for a first one."""
    number = step.attempt + between_attempts(step)
    if number < 2:
        return ""
    # Attempts that were lost to the machine come on top of the step's own.
    return f"attempt {number} of {max(number, run.journal.workflow().step(step.name).retries + 1)}"


def _watch_table(
    run: Run, interrupts: Interrupts, sleep: Callable[[float], None], *, to_stderr: bool
) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=to_stderr)
    state, asked = run.state(), set[str]()  # also of obstacles: each is told once
    with Live(_table(run, state), console=console, refresh_per_second=8) as live:
        while state.status not in ENDED and not interrupts.count:
            _ask(run, state, asked, console)
            sleep(POLL)
            state = run.state()
            live.update(_table(run, state))


def _ask(run: Run, state: RunState, asked: set[str], console: Console) -> None:
    """Say once, above the table, how to answer a step that waits.

    A line of the table is as wide as the terminal at most, and a command that is broken in two
    cannot be copied.
    """
    for step in state.steps:
        if step.status == "waiting" and step.name not in asked:
            asked.add(step.name)
            for line in (
                f"{step.name} waits: {step.question or 'may it run?'}",
                *_answers(run, step),
            ):
                console.print(line, soft_wrap=True, markup=False, highlight=False)
        why = f"{step.name}: {step.obstacle.cure}" if step.obstacle else ""
        if step.obstacle is not None and why not in asked:
            asked.add(why)
            said = f"{step.name} {_remark(run, step)}\n  → {step.obstacle.cure}"
            console.print(said, soft_wrap=True, markup=False, highlight=False)


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
        progress = run.journal.progress(step.name, step.attempt) if step.attempt else None
        running = step.status == "running"
        elapsed = time.time() - step.started if running and step.started else step.seconds
        status = "failed" if between_attempts(step) else step.status
        table.add_row(
            step.name,
            Text(status.replace("_", " "), style=COLOURS.get(status, "dim")),
            _cell(progress) if running else "",
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
        return step.question or "may it run?"
    if step.obstacle is not None:
        return f"does not start: {step.obstacle}"
    if step.status == "reused":
        return f"from {step.reused_from}" if step.reused_from else ""
    attempt = _attempt(run, step)
    return f"{attempt} follows" if between_attempts(step) else attempt
