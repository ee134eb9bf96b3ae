"""Show runs and their steps to people, and how a run ended."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ithaca.cli.output import (
    describe_value,
    failure,
    in_step,
    moment,
    print_error,
    print_notice,
    print_table,
    status_text,
)
from ithaca.errors import IthacaError, NotFound
from ithaca.runs.comparing import varied_parameters
from ithaca.runs.progress import duration, reason, short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ithaca.records.fold import RunState, StepState
    from ithaca.runs import Run
    from ithaca.runs.comparing import Comparison
    from ithaca.runs.explaining import Explanation

_NO_SUPERVISOR = "the run has no live supervisor: it was killed, or the machine went down"
_NOT_FOUND = (
    "the cluster of the kubeconfig has no trace of the run: it was deleted, or it is on another "
    "cluster or in another namespace"
)

Row = tuple["Run", "RunState | IthacaError"]
"""A run, and its state or why it cannot be read."""


def list_rows(runs: Iterable[Run]) -> list[Row]:
    """The state of each run; a run that cannot be read does not hide the others."""
    rows: list[Row] = []
    for run in runs:
        try:
            _ = run.document
        except NotFound:
            continue  # it is being created
        except IthacaError:
            pass  # `observe` raises it again
        try:
            rows.append((run, run.observe()))
        except IthacaError as error:
            rows.append((run, error))
    return rows


def list_row(run: Run, state: RunState | IthacaError) -> dict[str, Any]:
    """A run of the list as JSON data."""
    if isinstance(state, IthacaError):
        error = {"code": state.code, "message": str(state), "cure": state.cure}
        return {"id": run.id, "status": "damaged", "error": error}
    return {
        "id": state.id,
        "name": state.name,
        "status": state.status,
        "waiting": waiting(state),
        "backend": state.backend,
        "created": state.created,
        "seconds": _seconds(state),
        "parameters": state.parameters,
        "metrics": state.metrics,
        "retry_of": state.retry_of,
        "trial": trial_fields(run),
        "url": run.url,
    }


def trial_fields(run: Run) -> dict[str, Any] | None:
    """The trial that a run is, as JSON data; None if it is none."""
    trial = run.document.trial
    if trial is None:
        return None
    return {"study": trial.study, "number": trial.number, "attempt": trial.attempt}


def print_runs(rows: Sequence[Row]) -> None:
    """Print the list of runs, and warnings about damaged ones to stderr."""
    varied = varied_parameters(state for _, state in rows if not isinstance(state, IthacaError))
    heads = ("run", "workflow", "status", "started", "duration", "metrics")
    cells = ((*_cells(*row), *([_varied(row[1], varied)] if varied else [])) for row in rows)
    print_table((*heads, "parameters") if varied else heads, cells)
    for run, state in rows:
        if isinstance(state, IthacaError):
            click.echo(f"{click.style('warning', fg='yellow')}: run {run.id}: {state}", err=True)


def _varied(state: RunState | IthacaError, varied: set[tuple[str, str]]) -> str:
    """The parameters of a run that differ from those of other runs of its workflow."""
    if isinstance(state, IthacaError):
        return ""
    found = state.parameters.items()
    return " ".join(
        f"{name}={short(value)}" for name, value in found if (state.name, name) in varied
    )


def print_comparison(found: Comparison) -> None:
    """Print runs side by side."""
    rows = [("workflow", *found.names), ("status", *(status_text(each) for each in found.statuses))]
    for title, table in (("parameter", found.parameters), ("metric", found.metrics)):
        for name, row in table.items():
            cells = ("" if each is None else short(each) for each in row)
            rows.append((f"{title} {name}", *cells))
    for name, executions in found.steps.items():
        letters = {
            each: _letter(n) for n, each in enumerate(dict.fromkeys(filter(None, executions)))
        }
        rows.append((f"step {name}", *(letters.get(each or "", "-") for each in executions)))
    print_table(("", *found.runs), rows)


def print_explanation(found: Explanation) -> None:
    """Print why a step ran."""
    compared = f"  compared with run {found.compared_with}" if found.compared_with else ""
    click.echo(f"{click.style(found.step, bold=True)}  {status_text(found.status)}{compared}")
    for each in found.reasons:
        first, *lines = each.text.splitlines() or [""]
        if lines or each.kind == "code":
            click.echo(f"  {each.kind} {each.name}:")
            for line in (first, *lines):
                click.echo(f"    {line}")
        elif each.kind in ("cache", "first", "result"):
            click.echo(f"  {each.text}")
        else:
            click.echo(f"  {each.kind} {each.name}: {each.text}")


def _letter(number: int) -> str:
    """The letter that stands for a result: A, B, …, Z, A1, B1."""
    return chr(ord("A") + number % 26) + (str(number // 26) if number >= 26 else "")


def _cells(run: Run, state: RunState | IthacaError) -> tuple[str, ...]:
    if isinstance(state, IthacaError):
        return (run.id, "", click.style("damaged", fg="red"), "", "", "")
    return (
        state.id,
        state.name,
        run_status(state),
        moment(state.created),
        duration(_seconds(state)),
        " ".join(f"{name}={number:g}" for name, number in state.metrics.items()),
    )


def waiting(state: RunState) -> list[str]:
    """Names of the steps that wait for approval."""
    return [step.name for step in state.steps if step.status == "waiting"]


def run_status(state: RunState) -> str:
    """A run's status in its colour, and its waiting steps: `running (deploy is waiting)`."""
    names = waiting(state)
    if not names:
        return status_text(state.status)
    verb = "is" if len(names) == 1 else "are"
    return f"{status_text(state.status)} ({', '.join(names)} {verb} waiting)"


def _seconds(state: RunState) -> float | None:
    return None if state.ended is None else round(state.ended - state.created, 3)


def show_run(run: Run, state: RunState) -> None:
    """Print the state of a run and its steps."""
    click.echo(f"{state.name}  {run_status(state)}  {run.url}")
    click.echo(f"started {moment(state.created)}  {duration(_seconds(state))}".rstrip())
    if state.retry_of:
        click.echo(f"retry of {state.retry_of}")
    trial = run.document.trial
    if trial is not None:
        click.echo(f"trial {trial.number} of the study {trial.study}, attempt {trial.attempt}")
    if state.message or state.status == "lost":
        click.echo(lost(state) if state.status == "lost" else state.message)
    for name, value in state.parameters.items():
        click.echo(f"  {name} = {value!r}")
    print_table(
        ("step", "status", "duration", "after", ""),
        [
            (
                step.name,
                status_text(step.status),
                duration(step.seconds),
                (step.after or "")[:12],
                _remark(step),
            )
            for step in state.steps
        ],
    )
    for step in state.steps:
        if step.obstacle is not None:
            click.echo(f"{step.name} cannot start\n  → {step.obstacle.cure}")
    for name, number in state.metrics.items():
        click.echo(f"  {name} = {number:g}")


def _remark(step: StepState) -> str:
    if step.error is not None:
        place = f"{step.error.place}: " if step.error.place else ""
        return f"{place}{in_step(step.name, step.error.message)}"
    return reason(step) or _answer(step) or ""


def _answer(step: StepState) -> str | None:
    """`approved by ada: looks good`."""
    if step.answer is None:
        return None
    answer = "approved" if step.answer.kind == "approve" else "rejected"
    comment = f": {step.answer.comment}" if step.answer.comment else ""
    return f"{answer} by {step.answer.by}{comment}"


def show_step(run: Run, step: StepState, attempts: Sequence[StepState]) -> None:
    """Print everything about a step."""
    click.echo(f"{step.name}  {status_text(step.status)}  {run.url}/{step.name}")
    facts = {
        "attempt": step.attempt or None,
        "duration": duration(step.seconds) or None,
        "reused from": step.reused_from,
        "key": step.key,
        "execution": step.execution,
        "before": step.before,
        "after": step.after,
        "question": step.question,
        "answer": _answer(step),
    }
    for label, fact in facts.items():
        if fact is not None:
            click.echo(f"  {label}: {fact}")
    for name, number in step.metrics.items():
        click.echo(f"  {name} = {number:g}")
    for value in run.values(step.name):
        click.echo(f"  value {value.name}: {describe_value(value)}")
    if step.error is not None:
        click.echo(f"  {step.error.code}: {_remark(step)}")
        if step.error.cure:
            click.echo(f"    → {step.error.cure}")
    if step.obstacle is not None:
        click.echo(f"  {_remark(step)}")
        click.echo(f"    → {step.obstacle.cure}")
    for notice in step.notices:
        click.echo(f"  notice: {in_step(step.name, notice)}")
    if len(attempts) > 1:
        _show_attempts(run, step.name, attempts)


def _show_attempts(run: Run, name: str, attempts: Sequence[StepState]) -> None:
    click.echo("  attempts:")
    for each in attempts:
        took = f" in {duration(each.seconds)}" if each.seconds is not None else ""
        error = f": {_remark(each)}" if each.error is not None else ""
        click.echo(f"    {each.attempt}  {status_text(each.status)}{took}{error}")
    click.echo(f"  log of an attempt: {command(run)} runs logs {run.id}/{name} --attempt N")


def attempt_row(attempt: StepState) -> dict[str, Any]:
    """An attempt as JSON data."""
    from ithaca.runs.observe import describe_step

    step = describe_step(attempt)
    keys = ("status", "seconds", "before", "after", "error")
    return {"attempt": attempt.attempt, **{key: step[key] for key in keys}}


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
    notebook = os.path.relpath(Path(run.document.root) / run.document.notebook)
    again = f"{command(run)} run {shlex.quote(notebook)} [same options]"
    click.echo(f"  after editing the notebook or files: {again}")
    click.echo(
        "  to repeat the failed steps unchanged (after a machine problem, or a flaky step): "
        + retry
    )


def _show_failure(run: Run, step: StepState) -> None:
    error = step.error
    assert error is not None
    text = failure(step)
    if error.name and error.value and error.name not in text:
        text += f" ({error.name}: {error.value.splitlines()[0]})"
    print_error(error.code, text, error.cure)
    executed = _has_notebook(run, step)
    if run.has_log(step.name):
        what = "log and traceback" if executed else "log"
        click.echo(f"  → {what}: {command(run)} runs logs {run.id}/{step.name}")
    if executed:
        click.echo(f"  → executed notebook: {command(run)} runs notebook {run.id}/{step.name}")


def _has_notebook(run: Run, step: StepState) -> bool:
    """Whether a step has an executed notebook; one that began no cell has none."""
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
