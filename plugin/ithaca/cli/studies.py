"""`ithaca studies`: read what studies recorded, and control them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import click

from ithaca.cli.options import (
    as_json,
    environment_option,
    output_option,
    project,
    python_option,
    remote_options,
    session_options,
)
from ithaca.cli.output import print_json, write_output

if TYPE_CHECKING:
    from ithaca.tuning.study import Study

study_argument = click.argument("name", metavar="STUDY")
looks = remote_options("Also read studies from this remote store.")


@click.group()
def studies() -> None:
    """List, show, stop, continue and export studies."""


@studies.command("list")
@looks
@as_json
def list_(as_json: bool) -> None:
    """List the project's studies."""
    from ithaca.cli.study_views import print_studies
    from ithaca.tuning.study import open_studies

    found = open_studies(project())
    if as_json:
        print_json([each.describe() for each in found])
    elif found:
        print_studies(found)
    else:
        click.echo("no studies yet; start one with `ithaca tune NOTEBOOK`", err=True)


@studies.command()
@study_argument
@looks
@as_json
def show(name: str, as_json: bool) -> None:
    """Show how a study stands, and its best trial."""
    from ithaca.cli.study_views import show_study

    study = _open(name)
    if as_json:
        print_json(study.describe())
    else:
        show_study(study)


@studies.command()
@study_argument
@looks
@as_json
def trials(name: str, as_json: bool) -> None:
    """List the trials of a study, in order."""
    from ithaca.cli.study_views import print_trials
    from ithaca.tuning.study import describe_trial

    study = _open(name)
    if as_json:
        print_json([describe_trial(each) for each in study.trials])
    else:
        print_trials(study)


@studies.command()
@study_argument
@looks
@as_json
def best(name: str, as_json: bool) -> None:
    """Print the best trial of a study; of several objectives, the Pareto front."""
    from ithaca.cli.study_views import parameters_text, values_text
    from ithaca.errors import NotFound
    from ithaca.tuning.study import describe_trial

    study = _open(name)
    front = study.front
    if not front:
        raise NotFound(
            "ITH709",
            "no trial has a result that counts yet",
            where=f"study {name}",
            cure=f"`ithaca studies trials {name}` shows how each trial stands",
        )
    if as_json:
        several = len(study.document.objectives) > 1
        found = [describe_trial(each) for each in front]
        print_json(found if several else found[0])
        return
    for trial in front:
        click.echo(
            f"trial {trial.number}: {values_text(study.document.objectives, trial)}  "
            f"[{parameters_text(trial.parameters)}]  run {trial.run}"
        )


@studies.command()
@study_argument
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until it has ended.")
@looks
def stop(name: str, wait: bool) -> None:
    """Stop a study: its running trials are cancelled, and no other starts."""
    study = _open(name)
    if study.status not in ("running", "unknown"):
        click.echo(f"the study is not running: {study.status}", err=True)
        return
    study.stop()
    if wait:
        study.wait()


@studies.command()
@study_argument
@session_options()
@python_option
@environment_option
@remote_options("Remote store for runs on a cluster.")
@as_json
def resume(
    name: str, python: str | None, environment: str | None, as_json: bool, **changes: Any
) -> int:
    """Continue a study that was stopped, interrupted or killed, or add trials to it.

    Options that are not given are those of its last session. Exit codes are those of `ithaca tune`.
    """
    from ithaca.cli.run import compiled
    from ithaca.cli.tune import search

    study = _open(name)
    tune_options = study.options(**changes)
    workflow = compiled(str(study.notebook))
    chosen = {"backend": study.backend, "python": python, "environment": environment}
    return search(workflow, tune_options, chosen, as_json=as_json)


@studies.command()
@study_argument
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "json"]),
    default="csv",
    show_default=True,
    help="Format of the output.",
)
@output_option
@looks
def export(name: str, kind: str, output: str) -> None:
    """Write the trials of a study as a table: parameters, results, states, runs."""
    import msgspec

    from ithaca.tuning.study import describe_trial

    study = _open(name)
    if kind == "json":
        content = msgspec.json.encode([describe_trial(each) for each in study.trials])
        write_output(output, msgspec.json.format(content, indent=2) + b"\n")
    else:
        write_output(output, _csv(study).encode())


@studies.command()
@study_argument
@click.option(
    "--format",
    "kind",
    type=click.Choice(["html", "png"]),
    default="html",
    show_default=True,
    help="A page with all pictures, or one picture.",
)
@click.option(
    "--picture",
    type=click.Choice(
        ["history", "front", "parallel", "importances", "slice", "contour", "reports"]
    ),
    default="history",
    show_default=True,
    help="The picture to write as PNG.",
)
@click.option(
    "-o", "--output", metavar="FILE", show_default="STUDY.html or STUDY.png", help="Output file."
)
@looks
def plot(name: str, kind: str, picture: str, output: str | None) -> None:
    """Draw a study: history, Pareto front, parallel coordinates, importances, slices, contours.

    The HTML page contains everything that it needs, so you can open and send it as it is.
    """
    study = _open(name)
    write_output(output or f"{name}.{kind}", study.plot(kind, picture=picture))
    if output is None:
        click.echo(f"{name}.{kind}")


def _csv(study: Study) -> str:
    document = study.document
    objectives = [each.metric for each in document.objectives]
    metrics = sorted({name for each in study.trials if each.end for name in each.end.metrics})
    others = [name for name in metrics if name not in objectives]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    fixed = ("trial", "state", "attempt", "run", "started", "seconds", "feasible", "reason")
    table.writerow([*fixed, *document.space, *objectives, *others])
    for trial in study.trials:
        end = trial.end
        found = end.metrics if end else {}
        table.writerow(
            [
                *(trial.number, trial.state, trial.attempt, trial.run, f"{trial.started:.3f}"),
                *(
                    (f"{end.ended - trial.started:.3f}", end.feasible, end.reason)
                    if end
                    else ("",) * 3
                ),
                *(trial.parameters.get(each, "") for each in document.space),
                *(found.get(each, "") for each in (*objectives, *others)),
            ]
        )
    return text.getvalue()


def _open(name: str) -> Study:
    from ithaca.tuning.study import open_study

    return open_study(project(), name)
