"""`ithaca runs`: read what runs recorded, and control them."""

from __future__ import annotations

import functools
import time
from itertools import islice
from typing import TYPE_CHECKING

import click

from ithaca.cli.options import (
    RunName,
    as_json,
    output_option,
    project,
    remote_options,
    wait_or_detach,
)
from ithaca.cli.output import print_json, write_output
from ithaca.errors import IthacaError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.runs import Run

run_argument = click.argument("reference", metavar="RUN", type=RunName())
either_argument = click.argument("reference", metavar="RUN[/STEP]", type=RunName())
attempt_option = click.option(
    "--attempt",
    type=click.IntRange(min=1),
    metavar="N",
    show_default="the last",
    help="Number of the step's attempt, from 1; needs RUN/STEP.",
)
looks = remote_options("Also read runs from this remote store.")

POLL = 0.2
"""Seconds between two reads of a log that is followed."""


@click.group()
def runs() -> None:
    """List, show, cancel, retry and approve runs.

    RUN is a run's id, the unique start of an id, `latest`, or a URI.
    """


@runs.command("list")
@click.option(
    "-n",
    "--limit",
    type=int,
    default=20,
    show_default=True,
    metavar="N",
    help="List the newest N runs; 0 lists all.",
)
@click.option("--study", metavar="STUDY", help="List only the runs of this study's trials.")
@looks
@as_json
def list_(limit: int, study: str | None, as_json: bool) -> None:
    """List the project's runs, newest first.

    A run with unreadable records is listed as damaged.
    """
    from ithaca.cli.run_views import list_row, list_rows, print_runs
    from ithaca.runs.handle import open_runs

    found = reversed(open_runs(project()))
    rows = list_rows(islice((run for run in found if _is_of(run, study)), limit or None))
    if as_json:
        print_json([list_row(*row) for row in rows])
    elif rows:
        print_runs(rows)
    else:
        click.echo("no runs yet; start one with `ithaca run NOTEBOOK`", err=True)


def _is_of(run: Run, study: str | None) -> bool:
    """Whether a run is a trial of a study; all are if no study is named."""
    if study is None:
        return True
    try:
        trial = run.document.trial
    except IthacaError:
        return False
    return trial is not None and trial.study == study


@runs.command()
@click.argument("references", metavar="RUN…", nargs=-1, required=True, type=RunName())
@click.option("--all", "everything", is_flag=True, help="Also show what is equal in all runs.")
@looks
@as_json
def compare(references: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Compare runs: parameters, metrics, and the steps whose results differ.

    In the rows of steps, equal letters are equal results.
    """
    import msgspec

    from ithaca.cli.run_views import print_comparison
    from ithaca.runs.comparing import compare

    found = compare([_open(each)[0].observe() for each in references])
    if not everything:
        found = found.differing()
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        print_comparison(found)


@runs.command()
@either_argument
@looks
@as_json
def show(reference: str, as_json: bool) -> None:
    """Show the state of a run and its steps, or of one step."""
    from ithaca.cli.run_views import attempt_row, show_run, show_step, trial_fields
    from ithaca.runs.observe import describe, describe_step

    run, name = _open(reference)
    if name is not None:
        step, attempts = run.step(name), run.attempts(name)
        if as_json:
            more = {"metrics": step.metrics, "attempt": step.attempt, "values": run.values(name)}
            rows = [attempt_row(each) for each in attempts]
            print_json({**describe_step(step), **more, "attempts": rows})
        else:
            show_step(run, step, attempts)
        return
    state = run.observe()
    if as_json:
        more = {
            "name": state.name,
            "backend": state.backend,
            "retry_of": state.retry_of,
            "trial": trial_fields(run),
        }
        print_json({**describe(state, run.url), **more, "message": state.message})
    else:
        show_run(run, state)


@runs.command()
@either_argument
@click.argument("step", required=False)
@looks
@as_json
def explain(reference: str, step: str | None, as_json: bool) -> None:
    """Explain why a step ran again: what differs from its nearest earlier execution.

    Name the step as RUN/STEP or RUN STEP; without one, every step is explained.
    """
    import msgspec

    from ithaca.cli.run_views import print_explanation
    from ithaca.runs.explaining import explain as explain_steps

    run, name = _open(reference)
    wanted = filter(None, [name or step])
    found = explain_steps(project().store_of(run.id), run.id, *wanted)
    if as_json:
        print_json([msgspec.to_builtins(each) for each in found])
        return
    for each in found:
        print_explanation(each)


@runs.command()
@either_argument
@click.option("-f", "--follow", is_flag=True, help="Keep printing until the step or run has ended.")
@attempt_option
@looks
@as_json
def logs(reference: str, follow: bool, attempt: int | None, as_json: bool) -> None:
    """Print the output of a run's steps, or of one step."""
    run, name = _open(reference)
    if attempt is not None:
        found = [(_required_step(name, reference), attempt)]
    else:
        steps = [run.step(name)] if name else run.steps
        found = [(step.name, step.attempt) for step in steps if name or step.attempt or follow]
    if as_json:
        texts = [run.logs(step, attempt) for step, _ in found]
        rows = zip(found, texts, strict=True)
        print_json([{"step": each, "attempt": n, "text": text} for (each, n), text in rows])
        return
    for step, _ in found:
        if name is None:
            click.echo(click.style(f"== {step}", bold=True))
        if follow and attempt is None:
            _follow_log(run, step)
        else:
            click.echo(run.logs(step, attempt), nl=False)


def _required_step(step: str | None, reference: str) -> str:
    """The step for `--attempt`."""
    if step is None:
        raise UsageError("ITH910", "--attempt needs a step", cure=f"write {reference}/STEP")
    return step


def _follow_log(run: Run, name: str) -> None:
    """Print a step's log as it grows, attempt by attempt."""
    from ithaca.records.fold import ENDED, OPEN

    attempt, chunk = 0, 0
    while True:
        # Read the state before the log: the log is complete once the end is written.
        state = run.observe()
        step = state.step(name)
        if step.status == "reused":
            click.echo(run.logs(name), nl=False)
            return
        if step.attempt != attempt:
            attempt, chunk = step.attempt, 0
        text, chunk = run.log(name, attempt, start=chunk) if attempt else (b"", 0)
        click.echo(text.decode(errors="replace"), nl=False)
        if step.status not in OPEN or state.status in ENDED:
            return
        time.sleep(POLL)


@runs.command()
@either_argument
@output_option
@attempt_option
@looks
def notebook(reference: str, output: str, attempt: int | None) -> None:
    """Print the executed notebook of a step, as JSON.

    Without /STEP, print the notebook that the run was started from.
    """
    run, name = _open(reference)
    if name is None and attempt is None:
        content = run.submitted_notebook()
    else:
        content = run.notebook(_required_step(name, reference), attempt)
    write_output(output, content)


@runs.command()
@run_argument
@click.option(
    "--wait/--no-wait", default=True, show_default=True, help="Wait until the run has ended."
)
@looks
def cancel(reference: str, wait: bool) -> None:
    """Cancel a run. Its kernels end within seconds."""
    run, _ = _open(reference)
    run.cancel()
    if wait:
        run.wait()
        click.echo(f"{run.id} {run.status}")


@runs.command()
@run_argument
@looks
def reconcile(reference: str) -> None:
    """Record the end of a run that nothing else records.

    Use it for a run on a cluster whose pods have ended without a record, and that no `ithaca run`
    waits for. Other commands show the end of such a run, but do not write it.
    """
    run, _ = _open(reference)
    run.reconcile()
    click.echo(f"{run.id} {run.status}")


@runs.command()
@run_argument
@wait_or_detach
@looks
@as_json
def retry(reference: str, wait: bool, as_json: bool) -> int:
    """Start a new run that reuses the steps that succeeded.

    It runs the recorded workflow with the recorded files and parameters. After you edit the
    notebook, use `ithaca run` instead: it reuses every step that the edit does not affect.
    """
    from ithaca.cli.live import follow
    from ithaca.cli.progress import ProgressLine

    run, _ = _open(reference)
    with ProgressLine() as report:
        report("reading the environment")
        found = run.retry()
    return follow(found, wait=wait, as_json=as_json)


def _answer(command: Callable[[Run, str, str], None]) -> Callable[..., None]:
    """The arguments of `approve` and `reject`; opens the run and finds the waiting step."""

    @click.argument("reference", metavar="RUN/STEP", type=RunName())
    @click.option(
        "--comment", default="", metavar="TEXT", help="Reason for the answer; kept in the records."
    )
    @looks
    @functools.wraps(command)
    def call(reference: str, comment: str) -> None:
        run, step = _open(reference)
        command(run, step or _waiting_step(run, reference), comment)

    return call


@runs.command()
@_answer
def approve(run: Run, step: str, comment: str) -> None:
    """Approve a step that is waiting.

    You can leave out /STEP if only one step is waiting.
    """
    run.approve(step, comment)


@runs.command()
@_answer
def reject(run: Run, step: str, comment: str) -> None:
    """Reject a step that is waiting.

    The step fails, and the steps that need it are skipped. You can leave out /STEP if only one
    step is waiting.
    """
    run.reject(step, comment)


def _open(reference: str) -> tuple[Run, str | None]:
    from ithaca.records.names import parse_reference
    from ithaca.runs.handle import open_run

    run, step = parse_reference(reference)
    return open_run(project(), run), step


def _waiting_step(run: Run, reference: str) -> str:
    """The only step of a run that waits for approval."""
    from ithaca.cli.run_views import waiting
    from ithaca.records.fold import ENDED

    state = run.observe()
    names = waiting(state)
    if len(names) == 1:
        return names[0]
    where = f"run {run.id}"
    if state.status in ENDED:
        raise UsageError("ITH905", f"the run has ended: {state.status}", where=where)
    if not names:
        raise UsageError(
            "ITH906",
            "no step of the run is waiting for approval",
            where=where,
            cure=f"`ithaca runs show {run.id}` shows its state",
        )
    raise UsageError(
        "ITH910",
        f"{len(names)} steps are waiting for approval: {', '.join(names)}",
        where=where,
        cure=f"name one: {reference}/{names[0]}",
    )
