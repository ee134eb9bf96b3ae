"""Tekton's objects from the tasks of a graph: Tasks, Pipelines and PipelineRuns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec
from msgspec.structs import asdict, replace

from ithaca.backends.kubernetes.command import POD
from ithaca_tekton import model, names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ithaca.backends.kubernetes import Object
    from ithaca.backends.kubernetes.pods import Pod
    from ithaca_tekton.pipeline import Member
    from ithaca_tekton.settings import TektonSettings

    Members = Sequence[Member | model.Plain]
    Tasks = list[model.PipelineTask | model.Plain]

_Part = TypeVar("_Part", bound=msgspec.Struct)

_NO_LIMIT = "0"
"""Without a limit of its own, Tekton ends a run after an hour."""


def with_tasks(
    prefix: str, members: Members, labels: Mapping[str, str], settings: TektonSettings
) -> tuple[list[Object], Tasks]:
    """Create the Tasks of a graph, and the tasks that refer to them; equal ones share one.

    Args:
        prefix: The beginning of the Tasks' names.
        members: The tasks of the graph.
        labels: The Tasks' labels.
        settings: The backend's settings.
    """
    alike: dict[str, list[model.TaskSpec]] = {"step": [], "gate": [], "end": []}
    created: dict[str, model.TaskSpec] = {}
    tasks: Tasks = []
    for each in members:
        if isinstance(each, dict):
            tasks.append(each)
            continue
        if each.kind == "prepare":  # only a task inside its Pipeline knows its retry count
            tasks.append(replace(each.task, task_spec=each.spec))
            continue
        specs = alike[each.kind]
        if each.spec not in specs:
            specs.append(each.spec)
        number = specs.index(each.spec) + 1
        name = names.task(prefix, each.kind if number == 1 else f"{each.kind}-{number}")
        created[name] = each.spec
        tasks.append(replace(each.task, task_ref={"name": name}))
    objects = [
        create("Task", model.Metadata(name=name, labels=dict(labels)), spec, settings)
        for name, spec in created.items()
    ]
    return objects, tasks


def inline_tasks(members: Members) -> Tasks:
    """The tasks of a graph, each with its own Task inside."""
    return [
        each if isinstance(each, dict) else replace(each.task, task_spec=each.spec)
        for each in members
    ]


def run_spec(members: Members, general: Pod, settings: TektonSettings) -> model.PipelineRunSpec:
    """A PipelineRun without its Pipeline.

    Args:
        members: The tasks of the graph.
        general: The pod whose template all pods get.
        settings: The backend's settings.
    """
    shared = _pod_template(general, settings)
    template = model.TaskRunTemplate(
        service_account_name=settings.service_account or None, pod_template=_unless_empty(shared)
    )
    deadline = None if settings.deadline is None else f"{settings.deadline}s"
    specs = [
        _task_run_spec(each, shared, settings) for each in members if not isinstance(each, dict)
    ]
    return model.PipelineRunSpec(
        # The limit is that of the tasks: the end of the run is recorded after it.
        timeouts={"pipeline": _NO_LIMIT, **({"tasks": deadline} if deadline else {})},
        task_run_template=_unless_empty(template),
        task_run_specs=[each for each in specs if each is not None],
    )


def _task_run_spec(
    member: Member, general: model.PodTemplate, settings: TektonSettings
) -> model.TaskRunSpec | None:
    """The settings of one task's pod that differ from those of all pods, if any."""
    pod = member.pod
    own = asdict(_pod_template(pod, settings))
    different = {name: value for name, value in own.items() if value != getattr(general, name)}
    account = pod.settings.service_account
    empty = model.TaskRunSpec(pipeline_task_name=member.name)
    found = replace(
        empty,
        metadata=_unless_empty(
            model.Metadata(labels=pod.settings.labels, annotations=pod.settings.annotations)
        ),
        service_account_name=account if account != settings.service_account else None,
        pod_template=_unless_empty(model.PodTemplate(**different)),
        # Of the main container: Tekton would divide the amounts of a task among all containers.
        step_specs=([{"name": "main", "computeResources": pod.resources}] if pod.resources else []),
    )
    return found if found != empty else None


def _pod_template(pod: Pod, settings: TektonSettings) -> model.PodTemplate:
    own = pod.settings
    return model.PodTemplate(
        node_selector=own.node,
        env=[each for each in pod.env if each["name"] != POD],
        tolerations=pod.tolerations,
        affinity=pod.affinity or None,
        security_context=pod.security_context or None,
        priority_class_name=own.priority_class or None,
        scheduler_name=own.scheduler or None,
        image_pull_secrets=[{"name": name} for name in settings.image_pull_secrets],
    )


def _unless_empty(part: _Part) -> _Part | None:
    return None if part == type(part)() else part


def create(
    kind: Literal["Task", "Pipeline", "PipelineRun"],
    metadata: model.Metadata,
    spec: model.TaskSpec | model.PipelineSpec | model.PipelineRunSpec,
    settings: TektonSettings,
) -> Object:
    """Create an object as plain data, in the namespace that is configured."""
    return {
        "apiVersion": model.API_VERSION,
        "kind": kind,
        "metadata": msgspec.to_builtins(replace(metadata, namespace=settings.namespace or None)),
        "spec": msgspec.to_builtins(spec),
    }
