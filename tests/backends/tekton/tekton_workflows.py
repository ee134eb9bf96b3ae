"""Workflows and settings that the tests of the Tekton backend share."""

from __future__ import annotations

from typing import Any

import yaml

from cluster_workflows import run, with_parameters, workflow
from ithaca.model.run import RunDocument
from ithaca.model.workflow import Workflow
from ithaca_tekton import TektonBackend

__all__ = ["EVERY", "PLAIN", "emitted", "member", "of", "run", "with_parameters", "workflow"]

PLAIN: dict[str, Any] = {"store": "s3://bucket/prefix", "image": "python:3.12"}

EVERY: dict[str, Any] = {
    "namespace": "science",
    "url": "https://tekton.example",
    "store": "s3://bucket/prefix",
    "store_secret": "store-credentials",
    "store_claim": "store",
    "runner_image": "ithaca/runner:1",
    "environment": "lock:requirements.txt@" + "5" * 64,
    "node_cache": "/var/cache/ithaca",
    "image": "python:3.12",
    "image_pull_policy": "IfNotPresent",
    "image_pull_secrets": ["registry"],
    "python": "/opt/venv/bin/python",
    "env": {"LEVEL": "info"},
    "env_from_secrets": ["tokens"],
    "requests": {"cpu": "500m", "ephemeral-storage": "1Gi"},
    "limits": {"memory": "2Gi"},
    "node": {"pool": "batch"},
    "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}
                ]
            }
        }
    },
    "labels": {"team": "science"},
    "annotations": {"owner": "someone"},
    "service_account": "ithaca",
    "priority_class": "batch",
    "scheduler": "volcano",
    "security_context": {"runAsUser": 1000, "fsGroup": 1000},
    "timeout_grace": 60,
    "work": {"size": "20Gi", "storage_class": "fast"},
    "volume_claims": {"data": "data"},
    "infrastructure_retries": 3,
    "parallel": 8,
    "deadline": 86400,
    "exit_handler": True,
    "approval_task": {"approvers": ["ann", "group:science"], "required": 2},
    "steps": {
        "train": {
            "image": "torch:2",
            "limits": {"nvidia.com/gpu": 2},
            "service_account": "trainer",
            "work": {"size": "8Gi", "medium": "Memory"},
        }
    },
}


def emitted(
    wanted: Workflow | None = None, planned: RunDocument | None = None, **settings: Any
) -> list[dict[str, Any]]:
    """The documents that are emitted."""
    text = TektonBackend({**PLAIN, **settings}).emit(wanted or workflow(), planned)
    return list(yaml.load_all(text, yaml.CSafeLoader))


def of(kind: str, wanted: Workflow | None = None, **settings: Any) -> list[dict[str, Any]]:
    """The specifications of a kind."""
    return [each["spec"] for each in emitted(wanted, **settings) if each["kind"] == kind]


def member(name: str, wanted: Workflow | None = None, **settings: Any) -> dict[str, Any]:
    """A task of the Pipeline: its parameters as a mapping, its Task, what the run asks for it."""
    documents = emitted(wanted, **settings)
    tasks = {each["metadata"]["name"]: each["spec"] for each in documents if each["kind"] == "Task"}
    (pipeline,) = [each["spec"] for each in documents if each["kind"] == "Pipeline"]
    (asked,) = [each["spec"] for each in documents if each["kind"] == "PipelineRun"]
    listed = [*pipeline["tasks"], *pipeline.get("finally", ())]
    (found,) = [each for each in listed if each["name"] == name]
    named = [each for each in asked.get("taskRunSpecs", ()) if each["pipelineTaskName"] == name]
    general = asked.get("taskRunTemplate", {})
    own = named[0] if named else {}
    return {
        **found,
        "params": {each["name"]: each["value"] for each in found["params"]},
        "task": tasks.get(found.get("taskRef", {}).get("name", "")),
        "asked": own,
        "pod": {**general.get("podTemplate", {}), **own.get("podTemplate", {})},
        "account": own.get("serviceAccountName", general.get("serviceAccountName")),
    }
