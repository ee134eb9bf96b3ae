"""Workflows and settings that the tests of the Argo backend share."""

from __future__ import annotations

from typing import Any

import yaml

from cluster_workflows import run, with_parameters, workflow
from ithaca.model.run import RunDocument
from ithaca.model.workflow import Workflow
from ithaca_argo import ArgoBackend

__all__ = ["EVERY", "PLAIN", "emitted", "pod", "run", "spec", "task", "with_parameters", "workflow"]

PLAIN: dict[str, Any] = {"store": "s3://bucket/prefix", "image": "python:3.12"}

EVERY: dict[str, Any] = {
    "namespace": "science",
    "url": "https://argo.example",
    "store": "s3://bucket/prefix",
    "store_secret": "store-credentials",
    "store_claim": "store",
    "runner_image": "ithaca/runner:1",
    "environment": f"lock:requirements.txt@{'e' * 64}",
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
    "backoff": {"duration": "1m", "factor": 3, "cap": "10m"},
    "timeout_grace": 60,
    "mutexes": ["whole-run"],
    "work": {"size": "20Gi", "storage_class": "fast"},
    "pod_patch": {"terminationGracePeriodSeconds": 120},
    "volume_claims": {"data": "data"},
    "infrastructure_retries": 3,
    "parallel": 8,
    "priority": 5,
    "deadline": 86400,
    "ttl": {"after_completion": 3600, "after_success": 60, "after_failure": 7200},
    "pod_gc": {"strategy": "OnPodSuccess", "delay": "10m"},
    "archive_logs": True,
    "exit_handler": True,
    "steps": {
        "train": {
            "image": "torch:2",
            "limits": {"nvidia.com/gpu": 2},
            "mutexes": ["gpu"],
            "work": {"size": "8Gi", "medium": "Memory"},
            "pod_patch": {"hostIPC": True},
        }
    },
}


def emitted(
    wanted: Workflow | None = None, planned: RunDocument | None = None, **settings: Any
) -> list[dict[str, Any]]:
    """The documents that are emitted."""
    text = ArgoBackend({**PLAIN, **settings}).emit(wanted or workflow(), planned)
    return list(yaml.load_all(text, yaml.CSafeLoader))


def spec(wanted: Workflow | None = None, **settings: Any) -> dict[str, Any]:
    """The specification in the WorkflowTemplate."""
    found: dict[str, Any] = emitted(wanted, **settings)[0]["spec"]
    return found


def pod(name: str, wanted: Workflow | None = None, **settings: Any) -> dict[str, Any]:
    """A step's template."""
    templates = spec(wanted, **settings)["templates"]
    (found,) = [each for each in templates if each["name"] == name]
    return dict(found)


def task(name: str, wanted: Workflow, **settings: Any) -> dict[str, Any]:
    """A task of the graph, its arguments as a mapping."""
    dag = spec(wanted, **settings)["templates"][0]["dag"]["tasks"]
    (found,) = [each for each in dag if each["name"] == name]
    given = {each["name"]: each["value"] for each in found["arguments"]["parameters"]}
    return {**found, "arguments": given}
