"""Print how a run ended: errors and what to do about them, metrics, and further commands."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ithaca.cli.output import in_step, print_notice, status_text
from ithaca.runs.progress import duration

if TYPE_CHECKING:
    from ithaca.records.fold import RunState, StepState
    from ithaca.runs import Run

_NO_SUPERVISOR = "the run has no live supervisor: it was killed, or the machine went down"
_NOT_FOUND = (
    "the cluster of the kubeconfig has no trace of the run: it was deleted, or it is on another "
    "cluster or in another namespace"
)


def lost(state: RunState) -> str:
    """Why a run is lost, as far as it is known."""
    return state.message or (_NO_SUPERVISOR if state.backend == "local" else _NOT_FOUND)


def summary(run: Run, state: RunState, *, interrupted: bool = False) -> None:
    """Print how a run ended.

    Args:
        run: The run.
        state: Its state.
        interrupted: Whether Ctrl-C cancelled it here, so that its message is not needed.
    """
    for step in state.steps:
        for notice in step.notices:
            print_notice(f"{step.name}: {in_step(step.name, notice)}")
        if step.error is not None:
            _show_failure(run, step)
    took = duration(state.ended - state.created) if state.ended else ""
    click.echo(f"{status_text(state.status)}{f' in {took}' if took else ''}  {run.url}")
    if state.status == "lost":
        click.echo(f"  {lost(state)}")
    elif state.message and state.status != "succeeded" and not interrupted:
        click.echo(f"  {state.message}")
    for name, number in state.metrics.items():
        click.echo(f"  {name} = {number:g}")
    click.echo(f"  steps: {command(run)} runs show {run.id}")
    if state.status in {"failed", "cancelled", "lost"}:
        _show_next_commands(run, state)
    if state.status == "succeeded" and state.steps and _has_notebook(run, state.steps[-1]):
        last = state.steps[-1].name
        click.echo(f"  executed notebook: {command(run)} runs notebook {run.id}/{last}")


def _show_next_commands(run: Run, state: RunState) -> None:
    """How to run again after a run that did not succeed."""
    retry = f"{command(run)} runs retry {run.id}"
    if state.status != "failed":
        click.echo(f"  to continue from the steps that succeeded: {retry}")
        return
    click.echo(
        f"  after editing the notebook or files: {command(run)} run {_notebook(run)} [same options]"
    )
    click.echo(
        "  to repeat the failed steps unchanged (after a machine problem, or a flaky step): "
        + retry
    )


def _notebook(run: Run) -> str:
    """The run's notebook, relative to the working directory and quoted for a shell."""
    document = run.document
    path = os.path.relpath(Path(document.root) / document.notebook)
    return shlex.quote(path)


def _show_failure(run: Run, step: StepState) -> None:
    error = step.error
    assert error is not None
    place = ", ".join(filter(None, (f"step `{step.name}`", error.place)))
    text = in_step(step.name, error.message)
    if error.name and error.value and error.name not in text:
        text += f" ({error.name}: {error.value.splitlines()[0]})"
    click.echo(f"{click.style(f'error[{error.code}]', fg='red', bold=True)}: {place}: {text}")
    if error.cure:
        click.echo(f"  → {error.cure}")
    executed = _has_notebook(run, step)
    if run.has_log(step.name):
        what = "log and traceback" if executed else "log"
        click.echo(f"  → {what}: {command(run)} runs logs {run.id}/{step.name}")
    if executed:
        click.echo(f"  → executed notebook: {command(run)} runs notebook {run.id}/{step.name}")


def _has_notebook(run: Run, step: StepState) -> bool:
    """Whether a step has an executed notebook; one that began no cell has none."""
    from ithaca.errors import NotFound

    try:
        run.notebook(step.name)
    except NotFound:
        return False
    return True


def command(run: Run) -> str:
    """How to call `ithaca` from the working directory so that it finds the run's store."""
    from ithaca.runs.project import find_project

    here, home = find_project().home, run.home
    if here.resolve() == home.resolve():
        return "ithaca"
    return f"ITHACA_HOME={shlex.quote(str(home))} ithaca"
