"""From a workflow to Tekton's manifests, purely: the same input gives the same bytes.

Without a run: the Tasks, the Pipeline and a PipelineRun that refers to it, for people, git and
triggers. With a run: one PipelineRun that holds everything itself, of exactly the steps that its
plan starts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes import manifests
from ithaca.backends.kubernetes import names as shared
from ithaca.backends.kubernetes.command import POD
from ithaca.errors import UsageError
from ithaca_tekton import names
from ithaca_tekton.inline import inlined
from ithaca_tekton.pipeline import Graph, Member

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.backends.kubernetes.pods import Pod
    from ithaca.records.model import RunDocument
    from ithaca.workflow.model import Workflow
    from ithaca_tekton.settings import TektonSettings
    from ithaca_tekton.tasks import Spec

API_VERSION = "tekton.dev/v1"

MOST = 600 * 1024
"""Bytes of a PipelineRun; its status repeats the Pipeline, and etcd takes 1.5 MiB."""

_NO_LIMIT = "0"
"""Without it Tekton ends a run after an hour."""


def emit(workflow: Workflow, settings: TektonSettings, run: RunDocument | None = None) -> str:
    """The manifests as YAML.

    Args:
        workflow: The workflow.
        settings: What is set for it.
        run: A planned run, to emit what that run starts.

    Raises:
        UsageError: A setting is missing or wrong, or a text cannot be written for Tekton.
    """
    settings = manifests.ready(workflow, settings, run)
    graph = Graph(workflow, settings, run)
    members = graph.members()
    ends = [graph.end()] if settings.exit_handler else []
    run_spec = _run_spec([*members, *ends], graph.end().pod, settings)
    labels = {"ithaca/workflow": workflow.name}
    if run is not None:
        filled = [inlined(each, graph.run) for each in (*members, *ends)]
        inline = {each.name: {"taskSpec": each.spec} for each in filled}
        pipeline = _pipeline(filled[: len(members)], filled[len(members) :], inline)
        name = shared.workflow(workflow.name, run.id)
        labels["ithaca/run"] = run.id
        spec = {"pipelineSpec": pipeline, **run_spec}
        return _limited(_document("PipelineRun", {"name": name}, labels, settings, spec))
    found = _tasks(workflow, [*members, *ends])
    referred: dict[str, dict[str, Any]] = {
        each.name: {"taskSpec": each.spec} for each in members if each.kind == "prepare"
    }
    referred |= {each: {"taskRef": {"name": name}} for each, (name, _) in found.items()}
    described = {"description": workflow.description} if workflow.description else {}
    pipeline = {
        **described,
        "params": graph.defaults(),
        **_pipeline(members, ends, referred),
    }
    given = {"params": graph.given()} if graph.arguments else {}
    spec = {"pipelineRef": {"name": workflow.name}, **given, **run_spec}
    generated = {"generateName": shared.workflow(workflow.name)}
    return manifests.text(
        [
            *(
                _document("Task", {"name": name}, labels, settings, task)
                for name, task in dict(found.values()).items()
            ),
            _document("Pipeline", {"name": workflow.name}, labels, settings, pipeline),
            _document("PipelineRun", generated, labels, settings, spec),
        ]
    )


def _tasks(workflow: Workflow, members: list[Member]) -> dict[str, tuple[str, Spec]]:
    """The name and content of each member's Task; those that are alike share one."""
    kinds: dict[str, dict[str, Spec]] = {"step": {}, "gate": {}, "end": {}}
    by_member: dict[str, tuple[str, str]] = {}
    for each in members:
        if each.spec is None or each.kind == "prepare":
            continue
        text = json.dumps(each.spec)
        kinds[each.kind].setdefault(text, each.spec)
        by_member[each.name] = (each.kind, text)
    found: dict[str, tuple[str, Spec]] = {}
    for member, (kind, text) in by_member.items():
        alike = list(kinds[kind])
        number = alike.index(text) + 1
        name = names.task(workflow.name, kind if number == 1 else f"{kind}-{number}")
        found[member] = (name, kinds[kind][text])
    return found


def _limited(document: dict[str, Any]) -> str:
    text = manifests.text([document])
    if len(json.dumps(document)) > MOST:
        raise UsageError(
            "ITH681",
            f"the PipelineRun would have {len(text) // 1024} KiB, and Tekton keeps it twice in one "
            "object",
            where=document["metadata"]["name"],
            cure="split the notebook, or use `--backend argo`",
        )
    return text


def _pipeline(
    members: list[Member],
    ends: list[Member],
    tasks: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    def listed(some: list[Member]) -> list[dict[str, Any]]:
        return [
            {"name": each.name, **(tasks[each.name] if each.spec else {}), **each.content}
            for each in some
        ]

    content = {"tasks": listed(members), "finally": listed(ends)}
    return {key: value for key, value in content.items() if value}


def _run_spec(members: list[Member], plain: Pod | None, settings: TektonSettings) -> dict[str, Any]:
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


def _document(
    kind: str,
    name: Mapping[str, str],
    labels: Mapping[str, str],
    settings: TektonSettings,
    spec: Mapping[str, Any],
) -> dict[str, Any]:
    metadata: dict[str, Any] = dict(name)
    if settings.namespace:
        metadata["namespace"] = settings.namespace
    metadata["labels"] = dict(labels)
    # Copied: YAML would write an object that stands at two places as an anchor and an alias.
    content = json.loads(json.dumps(spec))
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": content}
