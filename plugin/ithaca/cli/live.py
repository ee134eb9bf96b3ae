"""Watch a run: a live table on a terminal, one line per change elsewhere."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from ithaca.cli.groups import Groups
from ithaca.cli.output import print_json, print_notice
from ithaca.cli.program import discard_stdout
from ithaca.cli.run_views import command, summary
from ithaca.errors import UsageError
from ithaca.records.fold import ENDED
from ithaca.runs.observe import describe
from ithaca.runs.progress import (
    attempt_label,
    between_attempts,
    duration,
    question,
    remark,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from ithaca.records.fold import RunState, StepState
    from ithaca.runs import Run

POLL = 0.05
"""Seconds between two reads of the state of a run that is being cancelled."""


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
            for notice in run.document.notices:
                print_notice(notice)
            if wait:
                _watch(run, interrupts, groups, to_stderr=as_json)
            elif as_json:
                print_json(describe(run.observe(), run.url))
            else:
                click.echo(run.id)
        if not wait:
            return 0
        for _ in run.watch():  # it has not ended if the reader closed the pipe
            if interrupts.count:
                break
        if interrupts.count and not _cancel(run, interrupts):
            return 130
    state = run.observe()
    with _pipe_may_close():
        groups.report(state)  # steps that ended during the cancellation
        if as_json:
            print_json(describe(run.observe(), run.url))
        else:
            summary(run, state, interrupted=bool(interrupts.count))
    return {"succeeded": 0, "cancelled": 130}.get(state.status, 1)


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
    with suppress(UsageError):  # it may have ended meanwhile
        run.cancel()
    pressed = interrupts.count
    click.echo("cancelling the run; press Ctrl-C again to stop waiting …", err=True)
    for state in run.watch(POLL):
        if interrupts.count > pressed and state.status not in ENDED:
            click.echo(f"the run is being cancelled: {command(run)} runs show {run.id}", err=True)
            return False
    return True


def _watch(run: Run, interrupts: Interrupts, groups: Groups, *, to_stderr: bool) -> None:
    stream = sys.stderr if to_stderr else sys.stdout
    if stream.isatty() and not groups:
        _watch_table(run, interrupts, to_stderr=to_stderr)
    else:
        _watch_lines(run, interrupts, groups, to_stderr=to_stderr)


def _watch_lines(run: Run, interrupts: Interrupts, groups: Groups, *, to_stderr: bool) -> None:
    """Print a line when a step's state changes, and in CI the logs of ended steps."""
    printed: dict[str, tuple[str, int, str]] = {}
    click.echo(f"run {run.id}", err=to_stderr)
    for state in run.watch():
        for step in state.steps:
            cure = step.obstacle.cure if step.obstacle else ""  # the message may alternate
            now = (step.status, step.attempt, cure)
            if printed.get(step.name, ("pending", 0, "")) != now:
                printed[step.name] = now
                click.echo(f"{step.name}: {_status_line(run, step)}", err=to_stderr)
        groups.report(state)
        if interrupts.count:
            return


def _status_line(run: Run, step: StepState) -> str:
    """A step's state in words, such as `failed in 1.6 s; retrying (attempt 2 of 3)`."""
    if step.status == "reused":
        return f"reused from {step.reused_from or 'an earlier run'}"
    if step.status == "waiting":
        return _request(run, step)
    if step.obstacle is not None:
        return f"cannot start: {step.obstacle}\n  → {step.obstacle.cure}"
    took = "" if step.seconds is None else f" in {duration(step.seconds)}"
    attempt = attempt_label(step, run.workflow)
    if between_attempts(step):
        return f"failed{took}; retrying ({attempt})"
    return step.status.replace("_", " ") + (f" ({attempt})" if attempt else "") + took


def _watch_table(run: Run, interrupts: Interrupts, *, to_stderr: bool) -> None:
    from rich.console import Console
    from rich.live import Live

    console, printed = Console(stderr=to_stderr), set[str]()
    with Live(console=console, refresh_per_second=8) as live:
        for state in run.watch():
            live.update(table(state, run.workflow, run.progress))
            if interrupts.count or state.status in ENDED:
                return
            _print_hints(run, state, printed, console)


def _print_hints(run: Run, state: RunState, printed: set[str], console: Console) -> None:
    """Print above the table, once each, how to answer a waiting step or remove an obstacle.

    The table would break the commands at the terminal's width, so that they could not be copied.
    """
    for step in state.steps:
        key = text = ""
        if step.status == "waiting":
            key, text = step.name, f"{step.name} is {_request(run, step)}"
        elif step.obstacle is not None:
            cure = step.obstacle.cure  # the message may alternate
            key = f"{step.name}: {cure}"
            text = f"{step.name} {remark(step, run.workflow)}\n  → {cure}"
        if key not in {"", *printed}:
            printed.add(key)
            console.print(text, soft_wrap=True, markup=False, highlight=False)


def _request(run: Run, step: StepState) -> str:
    """What a waiting step asks, and the commands that answer."""
    called = f"  {command(run)} runs"
    return (
        f"waiting for approval: {question(step)}\n"
        f"{called} approve {run.id}/{step.name}\n{called} reject {run.id}/{step.name}"
    )
