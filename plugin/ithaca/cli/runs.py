"""`ithaca runs`: what is known of runs, and what one can ask of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from ithaca.cli.output import RunName, as_json, print_json, write_output
from ithaca.cli.remotes import project, remote_options
from ithaca.cli.run import wait_or_detach

if TYPE_CHECKING:
    from ithaca.runs import Run

run_argument = click.argument("reference", metavar="RUN", type=RunName())
step_argument = click.argument("reference", metavar="RUN/STEP", type=RunName())
either_argument = click.argument("reference", metavar="RUN[/STEP]", type=RunName())
attempt_option = click.option(
    "--attempt",
    type=click.IntRange(min=1),
    metavar="N",
    help="An earlier attempt of the step; default: the one that counts.",
)
looks = remote_options("Remote to look on as well.")
comment = click.option("--comment", default="", help="Why; kept in the record.")

POLL = 0.2


@click.group()
def runs() -> None:
    """List, show, follow, cancel, retry and answer runs.

    RUN is an id, the start of one, `latest`, or a URI.
    """


@runs.command("list")
@click.option("-n", "--limit", type=int, default=20, show_default=True, help="Newest N; 0: all.")
@looks
@as_json
def list_(limit: int, as_json: bool) -> None:
    """List the project's runs, the newest first.

    A run whose documents cannot be read is listed as damaged.
    """
    from ithaca.cli.run_views import list_row, listed, print_runs

    rows = listed(list(reversed(project().runs()))[: limit or None])
    if as_json:
        print_json([list_row(*row) for row in rows])
    elif rows:
        print_runs(rows)
    else:
        click.echo("no runs yet; `ithaca run NOTEBOOK` makes one", err=True)


@runs.command()
@either_argument
@looks
@as_json
def show(reference: str, as_json: bool) -> None:
    """Show how a run and its steps stand."""
    from ithaca.cli.run_views import attempt_row, show_run, show_step
    from ithaca.runs.handle import describe, describe_step

    run, name = _open(reference)
    if name is not None:
        step, attempts = run.step(name), run.attempts(name)
        if as_json:
            more = {"metrics": step.metrics, "attempt": step.attempt, "values": run.values(name)}
            told = [attempt_row(each) for each in attempts]
            print_json({**describe_step(step), **more, "attempts": told})
        else:
            show_step(run, step, attempts)
        return
    state = run.state()
    if as_json:
        more = {"name": state.name, "backend": state.backend, "retry_of": state.retry_of}
        print_json({**describe(state, run.url), **more, "message": state.message})
    else:
        show_run(run, state)


@runs.command()
@either_argument
@click.option("-f", "--follow", is_flag=True, help="Go on until the step or the run has ended.")
@attempt_option
@looks
@as_json
def logs(reference: str, follow: bool, attempt: int | None, as_json: bool) -> None:
    """Print what the steps of a run printed."""
    run, name = _open(reference)
    if attempt is not None:
        _log_of_attempt(run, _named(name, reference), attempt, as_json=as_json)
        return
    steps = [run.step(name)] if name else [step for step in run.steps if step.attempt or follow]
    if as_json:
        found = [
            {"step": step.name, "attempt": step.attempt, "text": run.logs(step.name)}
            for step in steps
        ]
        print_json(found)
        return
    for step in steps:
        if name is None:
            click.echo(click.style(f"== {step.name}", bold=True))
        if follow:
            _follow_log(run, step.name)
        else:
            click.echo(run.logs(step.name), nl=False)


def _log_of_attempt(run: Run, step: str, attempt: int, *, as_json: bool) -> None:
    text = run.logs(step, attempt)
    if as_json:
        print_json([{"step": step, "attempt": attempt, "text": text}])
    else:
        click.echo(text, nl=False)


def _named(step: str | None, reference: str) -> str:
    """The step that `--attempt` is of."""
    from ithaca.errors import UsageError

    if step is None:
        raise UsageError(
            "ITH910",
            "an attempt is that of a step",
            cure=f"write {reference}/STEP",
        )
    return step


def _follow_log(run: Run, name: str) -> None:
    """Print a step's log as it grows, attempt by attempt."""
    from ithaca.records.fold import ENDED, OPEN

    attempt, chunk = 0, 0
    while True:
        # Read the state first: what is logged before an end is there once the end is.
        state = run.state()
        step = state.step(name)
        if step.status == "reused":
            click.echo(run.logs(name), nl=False)
            return
        if step.attempt != attempt:
            attempt, chunk = step.attempt, 0
        text, chunk = run.journal.log(name, attempt, start=chunk) if attempt else (b"", 0)
        click.echo(text.decode(errors="replace"), nl=False)
        if step.status not in OPEN or state.status in ENDED:
            return
        time.sleep(POLL)


@runs.command()
@either_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    default="-",
    help="File; default: stdout.",
)
@attempt_option
@looks
def notebook(reference: str, output: str, attempt: int | None) -> None:
    """Print the executed notebook of a step, or the submitted one of the run, as JSON."""
    from ithaca.records import names

    run, name = _open(reference)
    if attempt is not None:
        content = run.notebook(_named(name, reference), attempt)
    elif name is None:
        content = run.journal.store.read(names.run(run.id, "notebook"))
    else:
        content = run.notebook(name)
    write_output(output, content)


@runs.command()
@run_argument
@click.option("--wait/--no-wait", default=True, help="Wait until it has ended (default).")
@looks
def cancel(reference: str, wait: bool) -> None:
    """Cancel a run: its kernels end within seconds."""
    run, _ = _open(reference)
    run.cancel()
    if wait:
        run.wait()
        click.echo(f"{run.id} {run.status}")


@runs.command()
@run_argument
@wait_or_detach
@looks
@as_json
def retry(reference: str, wait: bool, as_json: bool) -> int:
    """Start a new run of the recorded workflow that goes on from what succeeded.

    After an edit of the notebook, use `ithaca run`: what did not change is reused there.
    """
    from ithaca.cli.live import follow
    from ithaca.cli.waiting import Waiting

    run, _ = _open(reference)
    with Waiting() as tell:
        tell("describing the environment")
        found = run.retry()
    return follow(found, wait=wait, as_json=as_json)


@runs.command()
@step_argument
@comment
@looks
def approve(reference: str, comment: str) -> None:
    """Let a step run that waits for an answer."""
    run, name = _open(reference, needs_step=True)
    run.approve(str(name), comment)


@runs.command()
@step_argument
@comment
@looks
def reject(reference: str, comment: str) -> None:
    """Refuse a step that waits for an answer: it fails, and what needs it is skipped."""
    run, name = _open(reference, needs_step=True)
    run.reject(str(name), comment)


def _open(reference: str, *, needs_step: bool = False) -> tuple[Run, str | None]:
    from ithaca.records.names import parse_reference

    run, step = parse_reference(reference)
    found = project().run(run)
    if step is None and needs_step:
        step = _waiting(found, reference)
    return found, step


def _waiting(run: Run, reference: str) -> str:
    """The one step of a run that waits for an answer."""
    from ithaca.errors import UsageError
    from ithaca.records.fold import ENDED

    state = run.state()
    waiting = [step.name for step in state.steps if step.status == "waiting"]
    if len(waiting) == 1:
        return waiting[0]
    where = f"run {run.id}"
    if state.status in ENDED:
        raise UsageError("ITH905", f"the run has ended: {state.status}", where=where)
    if not waiting:
        raise UsageError(
            "ITH906",
            "no step of the run waits for an answer",
            where=where,
            cure=f"`ithaca runs show {run.id}` says how far it is",
        )
    raise UsageError(
        "ITH910",
        f"say which step: {reference}/STEP",
        cure=f"waiting are: {', '.join(waiting)}",
    )
