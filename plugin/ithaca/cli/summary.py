"""How a run ended: what failed and what to do about it, metrics, links."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ithaca.cli.output import duration, in_step, status_text

if TYPE_CHECKING:
    from ithaca.records.fold import RunState, StepState
    from ithaca.runs import Run

_LOST = "nobody owns the run any more: its supervisor was killed, or the machine went down"
_NOT_FOUND = (
    "nothing of it is found on the cluster of the kubeconfig: it was deleted there, or it is on "
    "another cluster or in another namespace"
)


def lost(state: RunState) -> str:
    """Why a run is lost, as well as it is known."""
    return state.message or (_LOST if state.backend == "local" else _NOT_FOUND)


def summary(run: Run, state: RunState, *, ours: bool = False) -> None:
    """Print how a run ended.

    Args:
        run: The run.
        state: How it stands.
        ours: Whether we cancelled it ourselves, so that nobody needs to be told who did.
    """
    for step in state.steps:
        for notice in step.notices:
            told = f"{step.name}: {in_step(step.name, notice)}"
            click.echo(f"{click.style('notice', fg='yellow')}: {told}", err=True)
        if step.error is not None:
            _show_failure(run, step)
    took = duration(state.ended - state.created) if state.ended else ""
    click.echo(f"{status_text(state.status)}{f' in {took}' if took else ''}  {run.url}")
    if state.status == "lost":
        click.echo(f"  {lost(state)}")
    elif state.message and state.status != "succeeded" and not ours:
        click.echo(f"  {state.message}")
    for name, number in state.metrics.items():
        click.echo(f"  {name} = {number:g}")
    click.echo(f"  steps: {command(run)} runs show {run.id}")
    if state.status in {"failed", "cancelled", "lost"}:
        _show_ways_on(run, state)
    if state.status == "succeeded" and state.steps and _has_notebook(run, state.steps[-1]):
        last = state.steps[-1].name
        click.echo(f"  executed notebook: {command(run)} runs notebook {run.id}/{last}")


def _show_ways_on(run: Run, state: RunState) -> None:
    """What to do after a run that did not succeed: it depends on what has to change."""
    go_on = f"{command(run)} runs retry {run.id}"
    if state.status != "failed":
        click.echo(f"  go on from what succeeded: {go_on}")
        return
    click.echo(
        f"  after editing the notebook or files: {command(run)} run {_notebook(run)} [same options]"
    )
    click.echo(
        "  to go on with what was recorded (after fixing the machine, or a flaky step): " + go_on
    )


def _notebook(run: Run) -> str:
    """The run's notebook as one calls it from here."""
    document = run.journal.run()
    path = os.path.relpath(Path(document.root) / document.notebook)
    return shlex.quote(path)


def _show_failure(run: Run, step: StepState) -> None:
    error = step.error
    assert error is not None
    place = ", ".join(filter(None, (f"step `{step.name}`", error.place)))
    # Ithaca's side of the kernel knows nothing of where its messages are shown.
    what = in_step(step.name, error.message)
    if error.name and error.value and error.name not in what:
        what += f" ({error.name}: {error.value.splitlines()[0]})"
    click.echo(f"{click.style(f'error[{error.code}]', fg='red', bold=True)}: {place}: {what}")
    if error.cure:
        click.echo(f"  → {error.cure}")
    executed = _has_notebook(run, step)
    if run.journal.has_log(step.name, step.attempt):
        what = "log and traceback" if executed else "log"
        click.echo(f"  → {what}: {command(run)} runs logs {run.id}/{step.name}")
    if executed:
        click.echo(f"  → executed notebook: {command(run)} runs notebook {run.id}/{step.name}")


def _has_notebook(run: Run, step: StepState) -> bool:
    """Whether a step that ended has one: an attempt that began no cell has not."""
    from ithaca.errors import NotFound

    try:
        run.notebook(step.name)
    except NotFound:
        return False
    return True


def command(run: Run) -> str:
    """How to call `ithaca` from here so that it finds the run's store."""
    from ithaca.runs.project import find_project

    here, home = find_project().home, run.project.home
    if here.resolve() == home.resolve():
        return "ithaca"
    return f"ITHACA_HOME={shlex.quote(str(home))} ithaca"
