"""What all engines share when they build objects: validation, parameters, and the YAML writer.

Objects without a run are for people, git and triggers. Those of a planned run start exactly the
steps that its plan starts: a reused step gets no task, and its execution is written where its
output would be read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ithaca.backends.kubernetes import command, names
from ithaca.backends.kubernetes.pods import pod_settings
from ithaca.backends.protocol import Manifest
from ithaca.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ithaca.backends.kubernetes.settings import ClusterSettings
    from ithaca.model.run import PlannedStep, RunDocument
    from ithaca.model.workflow import Step, Workflow

_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")

STUDY = "ithaca/study"
"""The label that names a study."""

START = "---\n"
"""Begins each YAML document."""

_AMBIGUOUS = (
    ("bool", re.compile(r"[yYnN]$"), "yYnN"),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"), "-+.0123456789"),
    ("int", re.compile(r"[-+]?0o[0-7]+$"), "-+0"),
)
"""Texts that some YAML parsers, such as kubectl's, read as something else."""

_Settings = TypeVar("_Settings", bound="ClusterSettings")


def validated(workflow: Workflow, settings: _Settings, run: RunDocument | None) -> _Settings:
    """Validate the settings for a workflow; a planned run overrides store and environment.

    Args:
        workflow: The workflow.
        settings: The backend's settings.
        run: The planned run, if there is one.

    Raises:
        UsageError: A setting is missing or wrong, or a text has a variable of the engine.
    """
    if run:
        settings = msgspec.structs.replace(
            settings, store=run.store or settings.store, environment=run.environment_from or None
        )
    _check(workflow, settings)
    return settings


def reused(run: RunDocument | None) -> dict[str, str]:
    """The executions of the steps that a run reuses, by step."""
    plan = run.plan if run else ()
    return {each.step: each.execution or "" for each in plan if each.action == "reuse"}


def of_template(run: RunDocument, pinned: Collection[str]) -> RunDocument:
    """A trial's run without what differs between the runs that share a template with it.

    Args:
        run: The run.
        pinned: Executions that all trials of the study start from; they are written into the
            template. Other reused steps are written as `@STEP`: each run's document has their
            execution.
    """

    def without_own(step: PlannedStep) -> PlannedStep:
        known = step.execution if step.execution in pinned else f"@{step.step}"
        return msgspec.structs.replace(
            step,
            key=None,
            execution=known if step.action == "reuse" else None,
            reused_from=None,
        )

    return msgspec.structs.replace(
        run,
        id="",
        created=0.0,
        arguments={},
        trial=run.trial and msgspec.structs.replace(run.trial, number=0, attempt=1),
        plan=tuple(map(without_own, run.plan)),
        notices=(),
    )


def labels(run: RunDocument) -> dict[str, str]:
    """The labels of a run's object; those of a trial name its study."""
    found = {"ithaca/workflow": run.name, "ithaca/run": run.id}
    if run.trial is not None:
        found |= {**study_labels(run), "ithaca/trial": str(run.trial.number)}
    return found


def study_labels(run: RunDocument) -> dict[str, str]:
    """The labels of everything that belongs to the study of a trial's run."""
    return {STUDY: run.trial.study} if run.trial else {}


def instance_of(example: Mapping[str, Any], run: RunDocument, **spec: Any) -> dict[str, Any]:
    """The object of a run that uses a template.

    Args:
        example: An object that uses the template; it is not changed.
        run: The planned run.
        spec: Fields of its spec.
    """
    named = {"name": names.workflow(run.name, run.id), "labels": labels(run)}
    metadata = {**example["metadata"], **named}
    del metadata["generateName"]
    return {**example, "metadata": metadata, "spec": {**example["spec"], **spec}}


def steps_to_start(
    workflow: Workflow, reused: Mapping[str, str], settings: ClusterSettings
) -> list[Step]:
    """The steps to start.

    Raises:
        UsageError: Every step is reused.
    """
    steps = [step for step in workflow.steps if step.name not in reused]
    if not steps:
        raise UsageError(
            "ITH655",
            f"every step is reused, so there is nothing for {settings.engine} to run",
            cure="use `--no-reuse` to run all steps",
        )
    return steps


def run_parameters(
    workflow: Workflow, settings: ClusterSettings, run: RunDocument | None
) -> dict[str, str]:
    """The parameters that every pod gets: the store, and the digests of workflow and source."""
    return {
        "ithaca-store": settings.store or f"file://{command.STORE}",
        "ithaca-workflow": run.workflow if run else workflow.digest,
        "ithaca-source": run.source if run else workflow.source.snapshot or "",
        "ithaca-run": run.id if run else "",
    }


def arguments(workflow: Workflow, run: RunDocument | None) -> dict[str, str]:
    """The arguments as JSON texts, by parameter."""
    given = run.arguments if run else {}
    return {
        each.name: names.json_text(given.get(each.name, each.default))
        for each in workflow.parameters
    }


def changed_arguments(workflow: Workflow, run: RunDocument) -> dict[str, str]:
    """The arguments of a run that differ from the notebook's, as JSON texts."""
    usual = arguments(workflow, None)
    return {name: text for name, text in arguments(workflow, run).items() if text != usual[name]}


def named_first(content: Any) -> Any:
    """Move each `name` to the front, for readability."""
    if isinstance(content, list):
        return [named_first(each) for each in content]
    if not isinstance(content, dict):
        return content
    order = sorted(content, key=lambda key: key != "name")
    return {key: named_first(content[key]) for key in order}


def manifests(objects: Iterable[Mapping[str, Any]]) -> tuple[Manifest, ...]:
    r"""Write objects as YAML, each with a file name that says what it is.

    Example:
        >>> manifests([{"kind": "Task", "metadata": {"name": "digits--step"}}])[0].name
        'task-digits--step.yaml'
    """
    found: dict[str, str] = {}
    for each in objects:
        metadata = each.get("metadata") or {}
        name = metadata.get("name") or str(metadata.get("generateName", "")).rstrip("-")
        stem = "-".join(filter(None, (str(each["kind"]).lower(), name)))
        number = sum(known.startswith(f"{stem}.") for known in found)
        found[f"{stem}.{number + 1}.yaml" if number else f"{stem}.yaml"] = to_yaml(each)
    return tuple(Manifest(name, text) for name, text in found.items())


def to_yaml(content: Mapping[str, Any]) -> str:
    r"""Write an object as YAML: the same bytes every time, and the same texts for every parser.

    Example:
        >>> to_yaml({"kind": "Task", "name": "no"})
        "---\nkind: Task\nname: 'no'\n"
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes what other parsers read as something else, and writes no aliases."""

        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
            return True

    for kind, pattern, first in _AMBIGUOUS:
        Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", pattern, list(first))
    text: str = yaml.dump(
        content,
        Dumper=Dumper,
        sort_keys=False,
        explicit_start=True,
        allow_unicode=True,
        width=100,
    )
    return text


def _check(workflow: Workflow, settings: ClusterSettings) -> None:
    for name in settings.named:
        if name not in {step.name for step in workflow.steps}:
            raise UsageError(
                "ITH650",
                f"the workflow has no step `{name}`",
                where=f"[tool.ithaca.{settings.backend}.steps.{name}]",
                cure=f"its steps are: {', '.join(step.name for step in workflow.steps)}",
            )
    if not (settings.store or settings.store_claim):
        raise _missing("store", "s3://BUCKET/PREFIX", "store is configured for pods", settings)
    for step in workflow.steps:
        if pod_settings(settings, step).image is None:
            raise _missing(
                "image", "python:3.12", f'image is configured for step "{step.name}"', settings
            )
        tags = {
            "image": step.image,
            "node": step.node,
            "labels": step.labels,
            "annotations": step.annotations,
        }
        names.refuse_variables(tags, f"step {step.name}", settings)
    names.refuse_variables([each.mount_path for each in workflow.volumes], "volumes", settings)
    _refuse_passwords(settings)
    content = msgspec.to_builtins(settings)
    for table in (content, *content["steps"].values()):
        for name in settings.may_use_variables:
            table.pop(name, None)
    names.refuse_variables(content, f"tool.ithaca.{settings.backend}", settings)


def _refuse_passwords(settings: ClusterSettings) -> None:
    """Refuse package indexes with passwords: many people can read manifests."""
    everywhere = {"": settings.env, **{f"steps.{k}.": v.env for k, v in settings.named.items()}}
    for place, env in everywhere.items():
        for name, text in env.items():
            if _PASSWORD.search(text):
                raise UsageError(
                    "ITH674",
                    f"the URL in {name} contains a password, which everyone who sees the manifest "
                    "could read",
                    where=settings.place(f"{place}env"),
                    cure=f"store {name} in a Kubernetes secret and list the secret in "
                    "`env_from_secrets`",
                )


def _missing(name: str, example: str, what: str, settings: ClusterSettings) -> UsageError:
    return UsageError(
        "ITH651",
        f"no {what}",
        cure=f'set `{name} = "{example}"` under [tool.ithaca] or {settings.place()}, or set '
        f"ITHACA_{name.upper()}",
    )
