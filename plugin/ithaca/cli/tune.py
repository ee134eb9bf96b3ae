"""`ithaca tune`: search a notebook's parameters, with one run for each trial."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ithaca.cli.options import (
    as_json,
    backend_option,
    environment_option,
    flags,
    python_option,
    remote_options,
    session_options,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.runs import Workflow
    from ithaca.tuning.request import TuneOptions


@click.command()
@click.argument("notebook", type=click.Path(readable=False), metavar="NB")
@click.option(
    "-p",
    "--param",
    "parameters",
    multiple=True,
    metavar="NAME=SPEC",
    help="Search a parameter: NAME=float(LOW,HIGH[,log][,step=S]), NAME=int(LOW,HIGH[,log]"
    "[,step=S]) or NAME=choice(A,B,…); NAME=VALUE sets it for all trials. Can be repeated.",
)
@click.option(
    "--objective",
    "objectives",
    multiple=True,
    metavar="minimize:METRIC",
    help="Metric to minimize, or to maximize with maximize:METRIC; with :GOAL behind it the study "
    "ends when a trial reaches this value. Repeat it for a Pareto front.",
)
@click.option(
    "--constraint",
    "constraints",
    multiple=True,
    metavar="METRIC<=BOUND",
    help="Bound that a metric of a feasible trial keeps, also METRIC>=BOUND; can be repeated.",
)
@click.option(
    "--algorithm",
    metavar="NAME",
    show_default="tpe",
    help="Sampler: random, tpe, cmaes, gp, qmc, grid, bruteforce, nsga2 or nsga3.",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Setting of the sampler, such as seed=1; can be repeated.",
)
@click.option(
    "--pruner",
    metavar="NAME",
    help="End bad trials early, by what a step reports with `ithaca.report`: median, percentile, "
    "halving, hyperband, threshold, patient or wilcoxon.",
)
@click.option(
    "--pruner-set",
    "pruner_settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Setting of the pruner, such as n_warmup_steps=5; can be repeated.",
)
@session_options(trials="20", parallel="1", retries="0", storage="a journal file")
@click.option(
    "--study",
    metavar="NAME",
    show_default="the workflow's name",
    help="Name of the study; an existing one is continued.",
)
@backend_option
@python_option
@environment_option
@remote_options("Remote store for runs on a cluster.")
@as_json
def tune(
    notebook: str,
    parameters: tuple[str, ...],
    settings: tuple[str, ...],
    pruner_settings: tuple[str, ...],
    backend: str | None,
    python: str | None,
    environment: str | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Search the parameters of the notebook NB: each trial is a run of its workflow.

    Steps that no searched parameter reaches run once, before the trials. The study is also read
    from the notebook's metadata (`study`, or `katib_metadata` of Kale's notebooks) and from
    [tool.ithaca.tune]; options win. The same command again continues a study that was stopped.

    Exit codes: 0 the study has its trials, 1 it failed or no trial succeeded, 2 wrong usage, 3 the
    notebook has errors, 4 the backend, the store or the storage cannot be used, 130 interrupted.
    """
    from ithaca.cli.run import compiled

    workflow = compiled(notebook)
    chosen = {"backend": backend, "python": python, "environment": environment}
    options |= {"settings": _values(settings), "pruner_settings": _values(pruner_settings)}
    return search(workflow, _tune_options(parameters, options), chosen, as_json=as_json)


def search(
    workflow: Workflow, tune_options: TuneOptions, chosen: dict[str, Any], *, as_json: bool
) -> int:
    """Start or continue a study, and show it while it runs.

    Args:
        workflow: The workflow.
        tune_options: What the study shall do.
        chosen: Settings that override the project's.
        as_json: Print the result as JSON.

    Returns:
        The exit code of the command.
    """
    from ithaca.cli.progress import ProgressLine
    from ithaca.cli.study_views import Watch
    from ithaca.tuning.start import drive, prepare_study
    from ithaca.tuning.study import Study

    with ProgressLine() as progress:
        prepared, request = prepare_study(
            workflow, tune_options, progress=progress, **chosen, **flags()
        )
    with Watch(request, to_stderr=as_json) as watch:
        record = drive(prepared, request, announce=watch.announce, report=watch.report)
    return watch.finish(Study(prepared.project, record), as_json=as_json)


def _values(settings: Sequence[str]) -> dict[str, Any] | None:
    """Settings of `NAME=VALUE` options; None if there are none."""
    from ithaca.tuning.space import plain_value

    chosen = dict(text.partition("=")[::2] for text in settings)
    return {name: plain_value(text) for name, text in chosen.items()} or None


def _tune_options(parameters: Sequence[str], options: dict[str, Any]) -> TuneOptions:
    from ithaca.tuning.request import read_options
    from ithaca.tuning.space import parse_space

    space, fixed = parse_space(parameters)
    given = {
        "parameters": {**space, **fixed},
        "objective": list(options.pop("objectives")) or None,
        "constraints": list(options.pop("constraints")) or None,
        **options,
    }
    return read_options({k: v for k, v in given.items() if v is not None}, "the command line")
