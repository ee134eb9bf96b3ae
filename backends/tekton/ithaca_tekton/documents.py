"""Objects of Tekton from the tasks of a graph: Tasks, Pipelines, and what PipelineRuns say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes.command import POD
from ithaca_tekton import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.backends.kubernetes.pods import Pod
    from ithaca_tekton.pipeline import Member
    from ithaca_tekton.settings import TektonSettings
    from ithaca_tekton.tasks import Spec

API_VERSION = "tekton.dev/v1"

_NO_LIMIT = "0"
"""Without it Tekton ends a run after an hour."""


def tasks(
    prefix: str, members: list[Member], labels: Mapping[str, str], settings: TektonSettings
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """The Tasks of a graph and where each of its tasks finds its own; those alike share one.

    Args:
        prefix: What the Tasks' names begin with.
        members: The tasks of the graph.
        labels: The Tasks' labels.
        settings: What is set.
    """
    alike: dict[str, list[Spec]] = {"step": [], "gate": [], "end": []}
    places: dict[str, dict[str, Any]] = {}
    found: dict[str, Spec] = {}
    for each in members:
        if each.spec is None:
            continue
        if each.kind == "prepare":  # it knows only there how often it was tried
            places[each.name] = {"taskSpec": each.spec}
            continue
        specs = alike[each.kind]
        if each.spec not in specs:
            specs.append(each.spec)
        number = specs.index(each.spec) + 1
        name = names.task(prefix, each.kind if number == 1 else f"{each.kind}-{number}")
        found[name] = each.spec
        places[each.name] = {"taskRef": {"name": name}}
    documents = [
        document("Task", {"name": name}, labels, settings, spec) for name, spec in found.items()
    ]
    return documents, places


def pipeline(
    members: list[Member],
    ends: list[Member],
    tasks: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The tasks of a Pipeline.

    Args:
        members: Those of the workflow.
        ends: Those that run when these have ended, however they did.
        tasks: Where each one's Task is: `taskRef` or `taskSpec`.
    """

    def listed(some: list[Member]) -> list[dict[str, Any]]:
        return [
            {"name": each.name, **(tasks[each.name] if each.spec else {}), **each.content}
            for each in some
        ]

    content = {"tasks": listed(members), "finally": listed(ends)}
    return {key: value for key, value in content.items() if value}


def run_spec(members: list[Member], plain: Pod | None, settings: TektonSettings) -> dict[str, Any]:
    """What a PipelineRun says beside its Pipeline, for all its pods and for some."""
    general = _pod_template(plain, settings)
    template = {"serviceAccountName": settings.service_account, "podTemplate": general}
    timeouts = {"pipeline": _NO_LIMIT}
    if settings.deadline is not None:
        timeouts["tasks"] = f"{settings.deadline}s"  # the end is recorded after it
    content: dict[str, Any] = {
        "timeouts": timeouts,
        "taskRunTemplate": {key: value for key, value in template.items() if value},
        "taskRunSpecs": [
            found for each in members if (found := _task_run_spec(each, general, settings))
        ],
    }
    return {key: value for key, value in content.items() if value}


def _task_run_spec(
    member: Member, general: Mapping[str, Any], settings: TektonSettings
) -> dict[str, Any] | None:
    """What is asked of the cluster for one task's pod, where it is not asked for all."""
    pod = member.pod
    if pod is None:
        return None
    own = _pod_template(pod, settings)
    found: dict[str, Any] = {}
    metadata = {"labels": pod.settings.labels, "annotations": pod.settings.annotations}
    if any(metadata.values()):
        found["metadata"] = {key: value for key, value in metadata.items() if value}
    if pod.settings.service_account != settings.service_account:
        found["serviceAccountName"] = pod.settings.service_account
    template = {key: value for key, value in own.items() if general.get(key) != value}
    if template:
        found["podTemplate"] = template
    if pod.resources:
        # Of the one container: Tekton would divide the amounts of a whole task among all.
        found["stepSpecs"] = [{"name": "main", "computeResources": pod.resources}]
    return {"pipelineTaskName": member.name, **found} if found else None


def _pod_template(pod: Pod | None, settings: TektonSettings) -> dict[str, Any]:
    if pod is None:
        return {}
    own = pod.settings
    content = {
        "nodeSelector": own.node,
        "env": [each for each in pod.env if each["name"] != POD],
        "tolerations": pod.tolerations,
        "affinity": pod.affinity,
        "securityContext": pod.security_context,
        "priorityClassName": own.priority_class,
        "schedulerName": own.scheduler,
        "imagePullSecrets": [{"name": name} for name in settings.image_pull_secrets],
    }
    return {key: value for key, value in content.items() if value}


def document(
    kind: str,
    name: Mapping[str, str],
    labels: Mapping[str, str],
    settings: TektonSettings,
    spec: Mapping[str, Any],
) -> dict[str, Any]:
    """One of Tekton's objects.

    Args:
        kind: `Task`, `Pipeline` or `PipelineRun`.
        name: Its `name`, or what is made into one: `generateName`.
        labels: Its labels.
        settings: What is set.
        spec: What it says.
    """
    metadata: dict[str, Any] = dict(name)
    if settings.namespace:
        metadata["namespace"] = settings.namespace
    metadata["labels"] = dict(labels)
    # Copied: YAML would write an object that stands at two places as an anchor and an alias.
    content = json.loads(json.dumps(spec))
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": content}
