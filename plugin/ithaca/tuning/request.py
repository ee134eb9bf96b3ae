"""What a study shall do: from the notebook's metadata, the settings and the command line.

The last source that names a key wins; parameters are merged one by one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.compiling.arguments import complete_arguments, parse_arguments
from ithaca.errors import UsageError, suggest
from ithaca.model.study import Choice, Constraint, Domain, Float, Int, Objective
from ithaca.notebook.model import dns_label
from ithaca.tuning import katib
from ithaca.tuning.space import check_space, parse_domain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ithaca.model.workflow import Workflow
    from ithaca.runs import Project

TRIALS = 20
"""The default number of trials."""


class TuneOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source's part of a request: `[tool.ithaca.tune]`, `study` in the metadata, or options.

    None means that the source does not say.

    Attributes:
        study: The study's name.
        parameters: Domains, domains as text, or fixed values, by name.
        objective: `minimize:METRIC[:GOAL]` or `maximize:METRIC[:GOAL]`; several for a Pareto front.
        constraints: `METRIC<=BOUND` or `METRIC>=BOUND`.
        trials: How many trials.
        parallel: How many at once.
        algorithm: Name of the sampler.
        settings: Its settings.
        timeout: Seconds after which no trial starts.
        max_failures: How many trials may fail.
        retries: How often a failed trial is started again.
        storage: URL of Optuna's storage.
        pruner: Name of the pruner.
        pruner_settings: Its settings.
    """

    study: str | None = None
    parameters: dict[str, Any] = {}
    objective: str | list[str] | None = None
    constraints: list[str] | None = None
    trials: int | None = None
    parallel: int | None = None
    algorithm: str | None = None
    settings: dict[str, Any] | None = None
    timeout: float | None = None
    max_failures: int | None = None
    retries: int | None = None
    storage: str | None = None
    pruner: str | None = None
    pruner_settings: dict[str, Any] | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A checked request.

    Attributes:
        study: The study's name.
        space: What each searched parameter may be.
        fixed: Values of other parameters.
        objectives: What is optimised.
        constraints: Bounds on metrics.
        trials: How many trials.
        parallel: How many at once.
        algorithm: Name of the sampler.
        settings: Its settings.
        timeout: Seconds after which no trial starts; None for no limit.
        max_failures: How many trials may fail; None for no limit.
        retries: How often a failed trial is started again.
        storage: URL of Optuna's storage; empty for a journal file.
        pruner: Name of the pruner; empty for none.
        pruner_settings: Its settings.
        notices: Notices for the user.
    """

    study: str
    space: dict[str, Domain]
    fixed: dict[str, Any]
    objectives: tuple[Objective, ...]
    constraints: tuple[Constraint, ...] = ()
    trials: int = TRIALS
    parallel: int = 1
    algorithm: str = "tpe"
    settings: dict[str, Any] = {}
    timeout: float | None = None
    max_failures: int | None = None
    retries: int = 0
    storage: str = ""
    pruner: str = ""
    pruner_settings: dict[str, Any] = {}
    notices: tuple[str, ...] = ()


def read_options(found: Mapping[str, Any], where: str) -> TuneOptions:
    """Read a table of settings.

    Args:
        found: The table.
        where: Its place, for the message.

    Raises:
        UsageError: A key is unknown, or its value has the wrong type.
    """
    known = TuneOptions.__struct_fields__
    content = {name.replace("-", "_"): value for name, value in found.items()}
    for name in content:
        if name not in known:
            raise UsageError(
                "ITH703",
                f'unknown key "{name}"{suggest(name, known)}',
                where=where,
                cure=f"use one of {', '.join(known)}",
            )
    try:
        return msgspec.convert(content, TuneOptions)
    except msgspec.ValidationError as error:
        raise UsageError("ITH703", str(error), where=where, cure="correct its value") from None


def project_options(project: Project) -> TuneOptions:
    """The options of `[tool.ithaca.tune]`.

    Args:
        project: The project.

    Raises:
        UsageError: A key is unknown, or its value has the wrong type.
    """
    return read_options(project.settings.table("tune"), "pyproject.toml, [tool.ithaca.tune]")


def gather(workflow: Workflow, sources: Sequence[TuneOptions]) -> Request:
    """Merge the notebook's own study with other sources, and check the result.

    Args:
        workflow: The workflow.
        sources: The settings' and the caller's options; the last one wins.

    Returns:
        The request.

    Raises:
        UsageError: Something is wrong; the message lists every problem.
    """
    notices: list[str] = []
    tune_options = [*_of_notebook(workflow, notices), *sources]
    merged: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    for each in tune_options:
        parameters.update(each.parameters)
        merged.update(
            {
                name: value
                for name in TuneOptions.__struct_fields__
                if name != "parameters" and (value := getattr(each, name)) is not None
            }
        )
    space, fixed, problems = _split(parameters, workflow)
    problems += check_space(space, fixed, workflow)
    objectives, wrong = _objectives(merged.pop("objective", []), workflow)
    constraints, unmet = _constraints(merged.pop("constraints", []), workflow)
    name = merged.pop("study", workflow.name)
    problems += [*wrong, *unmet, *_numbers(merged)]
    if not name or dns_label(name) != name:
        problems.append(f'the study\'s name "{name}" must be of a-z, 0-9 and hyphens')
    if problems:
        raise UsageError("ITH702", _listed(problems), cure="`ithaca tune --help` shows the forms")
    unused = [each for each in space if not any(each in one.parameters for one in workflow.steps)]
    notices += [f"no step uses the parameter {each}, so it changes no trial" for each in unused]
    return Request(
        study=name,
        space=space,
        fixed=fixed,
        objectives=objectives,
        constraints=constraints,
        notices=tuple(notices),
        **merged,
    )


def _listed(problems: Sequence[str]) -> str:
    if len(problems) == 1:
        return problems[0]
    return f"{len(problems)} problems:" + "".join(f"\n  - {problem}" for problem in problems)


def _of_notebook(workflow: Workflow, notices: list[str]) -> list[TuneOptions]:
    """The study in the notebook's metadata."""
    study = workflow.study
    if study is None:
        return []
    content = study.content
    if study.format == "katib":
        try:
            content, found = katib.translate(content)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(
                "ITH703",
                f"cannot read the notebook's katib_metadata: {type(error).__name__}: {error}",
                where=workflow.source.notebook,
                cure="correct it, or give the search under the metadata key `ithaca`",
            ) from None
        notices += found
    return [read_options(content, f"{workflow.source.notebook}, the metadata's study")]


def _split(
    parameters: Mapping[str, Any], workflow: Workflow
) -> tuple[dict[str, Domain], dict[str, Any], list[str]]:
    """The searched parameters, the values of the fixed ones, and what is wrong with either."""
    space: dict[str, Domain] = {}
    fixed: dict[str, Any] = {}
    problems = []
    known = {each.name: each for each in workflow.parameters}
    for name, value in parameters.items():
        try:
            domain = parse_domain(name, value) if isinstance(value, str) else value
            if isinstance(domain, (Float, Int, Choice)):
                space[name] = domain
            elif name not in known:
                fixed[name] = value  # reported with the searched ones
            elif isinstance(value, str):
                fixed |= parse_arguments([f"{name}={value}"], [known[name]])
            else:
                fixed[name] = complete_arguments({name: value}, [known[name]])[name]
        except UsageError as error:
            problems.append(error.message)
    return space, fixed, problems


def parse_objective(text: str) -> Objective | None:
    """Read `minimize:METRIC[:GOAL]`; None if it is malformed.

    Example:
        >>> parse_objective("maximize:accuracy:0.99")
        Objective(metric='accuracy', direction='maximize', goal=0.99)
    """
    direction, _, rest = text.partition(":")
    metric, _, goal = rest.partition(":")
    if direction not in ("minimize", "maximize") or not metric:
        return None
    try:
        bound = _number(goal) if goal else None
    except ValueError:
        return None
    return Objective(metric=metric, direction=direction, goal=bound)  # type: ignore[arg-type]


def _objectives(
    found: str | Iterable[str], workflow: Workflow
) -> tuple[tuple[Objective, ...], list[str]]:
    texts = [found] if isinstance(found, str) else list(found)
    known = [metric.name for metric in workflow.metrics]
    problems = []
    objectives = []
    if not texts:
        problems.append(
            "there is no objective: give --objective minimize:METRIC or maximize:METRIC"
        )
    for text in texts:
        objective = parse_objective(text)
        if objective is None:
            problems.append(
                f"objective {text!r}: write minimize:METRIC or maximize:METRIC, "
                "and :GOAL behind it for a value that ends the study"
            )
            continue
        objectives.append(objective)
        problems += _unknown_metric("objective", objective.metric, known)
    if len(objectives) > 1 and any(each.goal is not None for each in objectives):
        problems.append("a goal needs a single objective")
    if len({each.metric for each in objectives}) < len(objectives):
        problems.append("an objective is given twice")
    return tuple(objectives), problems


def _constraints(
    texts: Iterable[str], workflow: Workflow
) -> tuple[tuple[Constraint, ...], list[str]]:
    known = [metric.name for metric in workflow.metrics]
    found, problems = [], []
    for text in texts:
        relation = "<=" if "<=" in text else ">="
        metric, _, bound = (part.strip() for part in text.partition(relation))
        try:
            found.append(Constraint(metric=metric, relation=relation, bound=_number(bound)))  # type: ignore[arg-type]
        except ValueError:
            problems.append(f"constraint {text!r}: write METRIC<=BOUND or METRIC>=BOUND")
            continue
        problems += _unknown_metric("constraint", metric, known)
    return tuple(found), problems


def _number(text: str) -> float:
    number = float(text)
    if math.isnan(number):
        raise ValueError(text)
    return number


def _unknown_metric(kind: str, metric: str, known: Sequence[str]) -> list[str]:
    if metric in known:
        return []
    listed = f"metrics are: {', '.join(known)}" if known else "the notebook publishes no metric"
    return [f'{kind} "{metric}" is not a metric{suggest(metric, known)} ({listed})']


_MINIMUM = {"trials": 1, "parallel": 1, "timeout": 0, "max_failures": 0, "retries": 0}


def _numbers(merged: Mapping[str, Any]) -> list[str]:
    return [
        f"{name} must be at least {least} (got {merged[name]})"
        for name, least in _MINIMUM.items()
        if name in merged and not merged[name] >= least
    ]
