"""Watch a run: a live table on a terminal, one line per change elsewhere."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from ithaca.cli.groups import Groups
from ithaca.cli.output import discard_stdout, print_json, print_notice
from ithaca.cli.summary import command, summary
from ithaca.records.fold import ENDED
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
                print_json(_description(run))
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
            print_json(_description(run))
        else:
            summary(run, state, interrupted=bool(interrupts.count))
    return {"succeeded": 0, "cancelled": 130}.get(state.status, 1)


def _description(run: Run) -> dict[str, Any]:
    from ithaca.runs.observe import describe

    return describe(run.observe(), run.url)


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
    while True:
        run.reconcile()
        if run.status in ENDED:
            run.reconcile()  # the end may have become known since
            return True
        if interrupts.count > pressed:
            click.echo(f"the run is being cancelled: {command(run)} runs show {run.id}", err=True)
            return False
        time.sleep(POLL)


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
        return "\n".join([f"waiting for approval: {question(step)}", *_answers(run, step)])
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
            text = f"{step.name} {remark(step, run.workflow)}\n  → {step.obstacle.cure}"
            console.print(text, soft_wrap=True, markup=False, highlight=False)


def _answers(run: Run, step: StepState) -> tuple[str, str]:
    called = f"  {command(run)} runs"
    return f"{called} approve {run.id}/{step.name}", f"{called} reject {run.id}/{step.name}"
