"""Watching a run: a live table on a terminal, a line per change elsewhere, a summary at the end."""

from __future__ import annotations

import shlex
import signal
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from ithaca.cli.output import COLOURS, duration, print_json, status_text
from ithaca.cli.program import nobody_reads
from ithaca.records.fold import ENDED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from ithaca.api import Run
    from ithaca.records.fold import RunState, StepState
    from ithaca.records.model import Progress

POLL = 0.2
LOST = "nobody owns the run any more: its supervisor was killed, or the machine went down"


def follow(run: Run, *, wait: bool, as_json: bool) -> int:
    """Watch a run to its end, tell how it ended, and give the exit code.

    Args:
        run: The run.
        wait: False to print its id and leave it.
        as_json: Print the one object of `ithaca run --json`; progress goes to stderr.
    """
    with Interrupts() as interrupts:
        with _pipe_may_close():
            for notice in run.journal.run().notices:
                click.echo(f"{click.style('notice', fg='yellow')}: {notice}", err=True)
            if wait:
                _watch(run, interrupts, to_stderr=as_json)
            elif as_json:
                print_json(_description(run))
            else:
                click.echo(run.id)
        if not wait:
            return 0
        while not interrupts.count and run.status not in ENDED:
            time.sleep(POLL)  # nobody reads us any more
        if interrupts.count and not _cancel(run, interrupts):
            return 130
    state = run.state()
    with _pipe_may_close():
        if as_json:
            print_json(_description(run))
        else:
            summary(run, state)
    return {"succeeded": 0, "cancelled": 130}.get(state.status, 1)


def _description(run: Run) -> dict[str, Any]:
    from ithaca.api.handle import describe

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
            click.echo(f"it ends by itself: {_ithaca(run)} runs show {run.id}", err=True)
            return False
        time.sleep(POLL / 4)
    return True


def _watch(run: Run, interrupts: Interrupts, *, to_stderr: bool) -> None:
    stream = sys.stderr if to_stderr else sys.stdout
    if stream.isatty():
        _watch_table(run, interrupts, to_stderr=to_stderr)
    else:
        _watch_lines(run, interrupts, to_stderr=to_stderr)


def _watch_lines(run: Run, interrupts: Interrupts, *, to_stderr: bool) -> None:
    """A line whenever a step's state changes."""
    told: dict[str, tuple[str, int]] = {}
    click.echo(f"run {run.id}", err=to_stderr)
    while not interrupts.count:
        state = run.state()
        for step in state.steps:
            now = (step.status, step.attempt)
            if told.get(step.name, ("pending", 0)) != now:
                told[step.name] = now
                click.echo(f"{step.name}: {_words(run, step)}", err=to_stderr)
        if state.status in ENDED:
            return
        time.sleep(POLL)


def _words(run: Run, step: StepState) -> str:
    if step.status == "reused":
        return f"reused from {step.reused_from or 'an earlier run'}"
    if step.status == "waiting":
        answer = f"{_ithaca(run)} runs approve {run.id}/{step.name}"
        return f"waiting: {step.question or 'may it run?'} ({answer})"
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


def _watch_table(run: Run, interrupts: Interrupts, *, to_stderr: bool) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=to_stderr)
    state = run.state()
    with Live(_table(run, state), console=console, refresh_per_second=8) as live:
        while state.status not in ENDED and not interrupts.count:
            time.sleep(POLL)
            state = run.state()
            live.update(_table(run, state))


def _table(run: Run, state: RunState) -> Table:
    from rich.table import Table
    from rich.text import Text

    title = f"{state.name}  {run.id}"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, min_width=len(title))
    for head in ("step", "state", "cell", "time", ""):
        table.add_column(head, justify="right" if head == "time" else "left")
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
    return table


def _cell(progress: Progress | None) -> str:
    if progress is None:
        return ""
    number = f" (cell {progress.number})" if progress.number is not None else ""
    return f"{progress.cell} of {progress.cells}{number}"


def _remark(run: Run, step: StepState) -> str:
    if step.status == "waiting":
        return f"{step.question or 'may it run?'}  {_ithaca(run)} runs approve {run.id}/{step.name}"
    if step.status == "reused":
        return f"from {step.reused_from}" if step.reused_from else ""
    attempt = _attempt(run, step)
    return f"{attempt} follows" if between_attempts(step) else attempt


def summary(run: Run, state: RunState) -> None:
    """How a run ended: what failed and where to look, metrics, links."""
    for step in state.steps:
        for notice in step.notices:
            click.echo(f"{click.style('notice', fg='yellow')}: {step.name}: {notice}", err=True)
        if step.error is not None:
            _show_failure(run, step)
    took = duration(state.ended - state.created) if state.ended else ""
    click.echo(f"{status_text(state.status)}{f' in {took}' if took else ''}  {run.url}")
    if state.status == "lost":
        click.echo(f"  {LOST}")
    elif state.message and state.status != "succeeded":
        click.echo(f"  {state.message}")
    for name, number in state.metrics.items():
        click.echo(f"  {name} = {number:g}")
    click.echo(f"  steps: {_ithaca(run)} runs show {run.id}")
    if state.status in {"failed", "cancelled", "lost"}:
        click.echo(f"  go on from what succeeded: {_ithaca(run)} runs retry {run.id}")
    if state.status == "succeeded" and state.steps and _has_notebook(run, state.steps[-1]):
        last = state.steps[-1].name
        click.echo(f"  executed notebook: {_ithaca(run)} runs notebook {run.id}/{last}")


def _show_failure(run: Run, step: StepState) -> None:
    error = step.error
    assert error is not None
    place = ", ".join(filter(None, (f"step `{step.name}`", error.place)))
    # Ithaca's side of the kernel knows nothing of where its messages are shown.
    what = error.message.removeprefix(f"step {step.name} ")
    if error.name and error.value and error.name not in what:
        what += f" ({error.name}: {error.value.splitlines()[0]})"
    click.echo(f"{click.style(f'error[{error.code}]', fg='red', bold=True)}: {place}: {what}")
    if error.cure:
        click.echo(f"  → {error.cure}")
    if run.journal.has_log(step.name, step.attempt):
        click.echo(f"  → log and traceback: {_ithaca(run)} runs logs {run.id}/{step.name}")
    if _has_notebook(run, step):
        click.echo(f"  → executed notebook: {_ithaca(run)} runs notebook {run.id}/{step.name}")


def _has_notebook(run: Run, step: StepState) -> bool:
    """Whether a step that ended has one: an attempt that began no cell has not."""
    from ithaca.errors import NotFound

    try:
        run.notebook(step.name)
    except NotFound:
        return False
    return True


def _ithaca(run: Run) -> str:
    """How to call `ithaca` from here so that it finds the run's store."""
    from ithaca.api.project import find_project

    here, home = find_project().home, run.project.home
    if here.resolve() == home.resolve():
        return "ithaca"
    return f"ITHACA_HOME={shlex.quote(str(home))} ithaca"
