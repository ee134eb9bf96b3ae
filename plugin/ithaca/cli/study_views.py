"""Show studies and their trials to people, and watch one while it runs."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Self

import click

from ithaca.cli.output import moment, print_json, print_notice, print_table
from ithaca.runs.progress import COLOURS, duration, short
from ithaca.tuning.study import STATES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Group

    from ithaca.model.study import Objective
    from ithaca.runs import Run
    from ithaca.tuning.record import StudyRecord, TrialRecord
    from ithaca.tuning.request import Request
    from ithaca.tuning.study import Study

_LAST = 8
"""How many of the last trials the live table shows."""

_COLOURS = {**COLOURS, "complete": "green", "pruned": "yellow", "finished": "green"}


def state_text(state: str) -> str:
    """The state of a study or trial in its colour."""
    return click.style(state, fg=_COLOURS.get(state))


def parameters_text(parameters: dict[str, Any]) -> str:
    """Parameters for people: `lr=0.012 depth=3`."""
    return " ".join(f"{name}={short(value)}" for name, value in parameters.items())


def values_text(objectives: Sequence[Objective], trial: TrialRecord) -> str:
    """The result of a trial for people: `val_loss=0.12`, or why it has none."""
    if trial.end is None:
        return ""
    pairs = zip(objectives, trial.end.values, strict=False)
    text = " ".join(f"{each.metric}={value:.6g}" for each, value in pairs)
    return text if trial.end.feasible else f"{text} (breaks a constraint)"


class Watch:
    """Shows a study while it runs: a live table on a terminal, a line for each result elsewhere.

    Args:
        request: What is searched.
        to_stderr: Leave stdout to JSON.
    """

    def __init__(self, request: Request, *, to_stderr: bool) -> None:
        self._request = request
        self._to_stderr = to_stderr
        self._trials: dict[int, TrialRecord] = {}
        self._best: list[TrialRecord] = []
        self._started = time.time()
        stream = sys.stderr if to_stderr else sys.stdout
        self._at_terminal = stream.isatty()
        self._live: Any = None

    def __enter__(self) -> Self:
        for notice in self._request.notices:
            print_notice(notice)
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def announce(self, record: StudyRecord, prefix: Run | None, notices: Sequence[str]) -> None:
        """Say that the study begins, and what the trials share."""
        for notice in notices:
            print_notice(notice)
        self._say(f"study {record.name}: {self._request.trials} trials")
        earlier = record.trials()
        self._trials = {trial.number: trial for trial in earlier}
        if earlier:
            self._say(f"{sum(each.end is not None for each in earlier)} trials have ended before")
        if prefix is not None:
            names = ", ".join(step.name for step in prefix.workflow.steps)
            self._say(f"all trials share {names}: run {prefix.id}")
        if self._at_terminal:
            from rich.console import Console
            from rich.live import Live

            self._live = Live(
                console=Console(stderr=self._to_stderr),
                refresh_per_second=4,
                get_renderable=self._table,
            )
            self._live.start()

    def report(self, trial: TrialRecord) -> None:
        """Show a change of a trial."""
        from ithaca.tuning.record import best_of

        self._trials[trial.number] = trial
        self._best = best_of([*self._trials.values()], self._request.objectives)
        if self._live is None and trial.end is not None:
            objectives = self._request.objectives
            result = values_text(objectives, trial) or trial.end.reason
            best = " (best so far)" if trial in self._best else ""
            took = duration(trial.end.ended - trial.started)
            self._say(
                f"trial {trial.number}: {state_text(trial.state)} in {took}: {result}{best}  "
                f"[{parameters_text(trial.parameters)}]"
            )

    def finish(self, study: Study, *, as_json: bool) -> int:
        """Print how the study ended, and return the exit code."""
        if as_json:
            print_json(study.describe())
        else:
            show_study(study)
        if study.status == "failed" or study.best is None:
            return 1
        return 0

    def _say(self, text: str) -> None:
        click.echo(text, err=self._to_stderr)

    def _table(self) -> Group:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        trials = sorted(self._trials.values(), key=lambda each: each.number)
        running = [each for each in trials if each.end is None]
        ended = [each for each in trials if each.end is not None]
        left = max(0, self._request.trials - len(trials))
        head = f"{len(ended)} of {self._request.trials} trials, {len(running)} running"
        if ended and self._request.trials > len(ended):
            pace = (time.time() - self._started) / len(ended)
            head += f", about {duration(pace * (left + len(running)))} left"
        lines = [Text(head, style="italic")]
        for best in self._best[:3]:
            result = values_text(self._request.objectives, best)
            lines.append(
                Text(f"best: trial {best.number}: {result}  [{parameters_text(best.parameters)}]")
            )
        table = Table(box=None, pad_edge=False)
        for name in ("trial", "state", "time", "result", "parameters"):
            table.add_column(name, no_wrap=name != "parameters")
        for trial in trials[-_LAST - len(running) :]:
            seconds = (trial.end.ended if trial.end else time.time()) - trial.started
            result = values_text(self._request.objectives, trial)
            table.add_row(
                str(trial.number),
                Text(trial.state, style=_COLOURS.get(trial.state, "dim")),
                duration(seconds),
                result or (trial.end.reason[:60] if trial.end else ""),
                Text(parameters_text(trial.parameters), style="dim"),
            )
        return Group(*lines, table)


def show_study(study: Study) -> None:
    """Print how a study stands, its best trial, and what to do with it."""
    found = study.describe()
    counts = found["trials"]
    click.echo(f"{study.name}  {state_text(found['status'])}  {found['url']}")
    session = study.session
    if session is not None and session[1] is not None and session[1].message:
        click.echo(session[1].message)
    parts = [f"{counts[state]} {state}" for state in STATES if counts[state]]
    click.echo(f"{counts['wanted']} trials wanted: {', '.join(parts) or 'none yet'}")
    ran, asked = found["executions"]["ran"], found["executions"]["asked"]
    if asked:
        click.echo(f"{asked} step executions were needed, {ran} ran")
    objectives = study.document.objectives
    for best in study.front[:5]:
        result = values_text(objectives, best)
        click.echo(f"best: trial {best.number}: {click.style(result, bold=True)}")
        for name, value in best.parameters.items():
            click.echo(f"  {name} = {value!r}")
        last = study.run(best.number).workflow.steps[-1].name
        click.echo(f"  steps: ithaca runs show {best.run}")
        click.echo(f"  executed notebook: ithaca runs notebook {best.run}/{last}")
    if counts["failed"] and not counts["complete"]:
        failed = next(each for each in study.trials if each.state == "failed" and each.end)
        assert failed.end is not None
        click.echo(f"trial {failed.number} failed: {failed.end.reason}")
        click.echo(f"  → see `ithaca runs show {failed.run}`")


def print_trials(study: Study) -> None:
    """Print the trials of a study, in order."""
    objectives = study.document.objectives
    print_table(
        ("trial", "state", "started", "duration", "result", "parameters", "run"),
        [
            (
                str(trial.number),
                state_text(trial.state),
                moment(trial.started),
                duration(trial.end.ended - trial.started) if trial.end else "",
                values_text(objectives, trial) or (trial.end.reason[:60] if trial.end else ""),
                parameters_text(trial.parameters),
                trial.run,
            )
            for trial in study.trials
        ],
    )


def print_studies(studies: Sequence[Study]) -> None:
    """Print a list of studies."""
    rows = []
    for study in studies:
        trials, best = study.trials, study.best
        ended = sum(each.end is not None for each in trials)
        result = values_text(study.document.objectives, best) if best else ""
        created = moment(study.document.created)
        rows.append((study.name, state_text(study.status), created, str(ended), result))
    print_table(("study", "status", "created", "trials", "best"), rows)
