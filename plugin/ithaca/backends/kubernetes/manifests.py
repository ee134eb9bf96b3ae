"""What the manifests of every engine say in the same way: what is checked, and how it is written.

Manifests without a run are for people, git and triggers. Those of a planned run start exactly the
steps that its plan starts; what is known has no task, and its executions stand where its outputs
would.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ithaca.backends.kubernetes import command, names
from ithaca.backends.kubernetes.pods import settled
from ithaca.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ithaca.backends.kubernetes.settings import ClusterSettings
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Step, Workflow

_PASSWORD = re.compile(r"://[^/\s:@]*:[^/\s@]+@")

_OTHERS = (
    ("bool", re.compile(r"[yYnN]$"), "yYnN"),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"), "-+.0123456789"),
    ("int", re.compile(r"[-+]?0o[0-7]+$"), "-+0"),
)
"""What parsers of YAML differ about: a letter, and numbers as JSON or YAML 1.2 write them."""

_Settings = TypeVar("_Settings", bound="ClusterSettings")


def ready(workflow: Workflow, settings: _Settings, run: RunDocument | None) -> _Settings:
    """The settings with which a workflow can be emitted; a planned run says its own part of them.

    Args:
        workflow: The workflow.
        settings: What is set.
        run: The planned run, when there is one.

    Raises:
        UsageError: A setting is missing or wrong, or a text cannot be written for the engine.
    """
    if run:
        settings = msgspec.structs.replace(
            settings, store=run.store or settings.store, environment=run.environment_from or None
        )
    _check(workflow, settings)
    return settings


def known(run: RunDocument | None) -> dict[str, str]:
    """The executions of the steps that a run does not start."""
    plan = run.plan if run else ()
    return {each.step: each.execution or "" for each in plan if each.action == "reuse"}


def started(workflow: Workflow, known: Mapping[str, str], settings: ClusterSettings) -> list[Step]:
    """The steps to start.

    Raises:
        UsageError: There is none.
    """
    steps = [step for step in workflow.steps if step.name not in known]
    if not steps:
        raise UsageError(
            "ITH655",
            f"every step is known: there is nothing for {settings.engine} to run",
            cure="`--no-reuse` runs all of them",
        )
    return steps


def addresses(
    workflow: Workflow, settings: ClusterSettings, run: RunDocument | None
) -> dict[str, str]:
    """What every pod of a run is told: the store, and what in it the run is about."""
    return {
        "ithaca-store": settings.store or f"file://{command.STORE}",
        "ithaca-workflow": run.workflow if run else workflow.digest,
        "ithaca-source": run.source if run else workflow.source.snapshot or "",
        "ithaca-run": run.id if run else "",
    }


def arguments(workflow: Workflow, run: RunDocument | None) -> dict[str, str]:
    """The arguments as JSON, by the names of the notebook's parameters."""
    given = run.arguments if run else {}
    return {
        each.name: names.json_text(given.get(each.name, each.default))
        for each in workflow.parameters
    }


def named_first(content: Any) -> Any:
    """The same with each `name` before the rest, for those who read it."""
    if isinstance(content, list):
        return [named_first(each) for each in content]
    if not isinstance(content, dict):
        return content
    order = sorted(content, key=lambda key: key != "name")
    return {key: named_first(content[key]) for key in order}


def text(documents: Iterable[Mapping[str, Any]]) -> str:
    """Documents as YAML, the same bytes every time, and the same texts for every parser."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Quotes what only other parsers, such as kubectl's, take for something else."""

    for kind, pattern, first in _OTHERS:
        Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{kind}", pattern, list(first))
    found: str = yaml.dump_all(
        documents,
        Dumper=Dumper,
        sort_keys=False,
        explicit_start=True,
        allow_unicode=True,
        width=100,
    )
    return found


def _check(workflow: Workflow, settings: ClusterSettings) -> None:
    for name in settings.named:
        if name not in {step.name for step in workflow.steps}:
            raise UsageError(
                "ITH650",
                f"the workflow has no step `{name}`",
                where=f"[tool.ithaca.{settings.backend}.steps.{name}]",
                cure=f"its steps: {', '.join(step.name for step in workflow.steps)}",
            )
    if not (settings.store or settings.store_claim):
        raise _missing("store", "s3://BUCKET/PREFIX", "the pods' store", settings)
    for step in workflow.steps:
        if settled(settings, step).image is None:
            raise _missing("image", "python:3.12", f"the image of the step {step.name}", settings)
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
    """Addresses of package indexes are set as variables, and manifests are read by many."""
    everywhere = {"": settings.env, **{f"steps.{k}.": v.env for k, v in settings.named.items()}}
    for place, env in everywhere.items():
        for name, text in env.items():
            if _PASSWORD.search(text):
                raise UsageError(
                    "ITH674",
                    f"the address in {name} holds a password, and a manifest is no place for one",
                    where=settings.place(f"{place}env"),
                    cure=f"keep {name} in a secret of the cluster, and name that under "
                    "`env_from_secrets`",
                )


def _missing(name: str, example: str, what: str, settings: ClusterSettings) -> UsageError:
    return UsageError(
        "ITH651",
        f"nothing says what {what} is",
        cure=f'write `{name} = "{example}"` under [tool.ithaca] or {settings.place()}, or set '
        f"ITHACA_{name.upper()}",
    )
