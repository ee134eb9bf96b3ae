"""Workflows, runs and settings that the tests of all cluster backends share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from ithaca.backends.protocol import Backend, Manifest
from ithaca.model.run import PlannedStep, RunDocument
from ithaca.model.workflow import Parameter, Source, Step, Workflow
from run_documents import run_document

PLAIN: dict[str, Any] = {"store": "s3://bucket/prefix", "image": "python:3.12"}
"""The least that a cluster backend needs."""

_SHARED: dict[str, Any] = {
    "namespace": "science",
    "store": "s3://bucket/prefix",
    "store_secret": "store-credentials",
    "store_claim": "store",
    "runner_image": "ithaca/runner:1",
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
}

_TRAIN: dict[str, Any] = {
    "image": "torch:2",
    "limits": {"nvidia.com/gpu": 2},
    "work": {"size": "8Gi", "medium": "Memory"},
}

EVERY: dict[str, dict[str, Any]] = {
    "argo": {
        **_SHARED,
        "url": "https://argo.example",
        "environment": f"lock:requirements.txt@{'e' * 64}",
        "backoff": {"duration": "1m", "factor": 3, "cap": "10m"},
        "mutexes": ["whole-run"],
        "pod_patch": {"terminationGracePeriodSeconds": 120},
        "priority": 5,
        "ttl": {"after_completion": 3600, "after_success": 60, "after_failure": 7200},
        "pod_gc": {"strategy": "OnPodSuccess", "delay": "10m"},
        "archive_logs": True,
        "steps": {"train": {**_TRAIN, "mutexes": ["gpu"], "pod_patch": {"hostIPC": True}}},
    },
    "tekton": {
        **_SHARED,
        "url": "https://tekton.example",
        "environment": f"lock:requirements.txt@{'5' * 64}",
        "approval_task": {"approvers": ["ann", "group:science"], "required": 2},
        "steps": {"train": {**_TRAIN, "service_account": "trainer"}},
    },
}
"""Every setting of a backend."""


def text_of(manifests: Iterable[Manifest]) -> str:
    """What `ithaca compile` prints of manifests."""
    return "".join(each.text for each in manifests)


def workflow(*steps: Step, **more: Any) -> Workflow:
    """A workflow of these steps, else of `load` and `train`."""
    chosen = steps or (Step(name="load"), Step(name="train", needs=("load",)))
    source = Source(notebook="digits.ipynb", digest="d" * 64)
    return Workflow(name="digits", steps=chosen, source=source, **more)


def with_parameters(**defaults: Any) -> Workflow:
    """A workflow with parameters."""
    kinds = {name: type(value).__name__ for name, value in defaults.items()}
    return workflow(
        parameters=tuple(
            Parameter(name=name, type=kinds[name], default=value)  # type: ignore[arg-type]
            for name, value in defaults.items()
        )
    )


def run(*plan: PlannedStep, **arguments: Any) -> RunDocument:
    """A planned run."""
    return run_document(
        name="digits",
        arguments=arguments,
        notebook="digits.ipynb",
        root="/home/somebody/digits",
        plan=plan,
    )


def emitted(
    backend: type[Backend],
    wanted: Workflow | None = None,
    planned: RunDocument | None = None,
    **settings: Any,
) -> list[dict[str, Any]]:
    """The objects that a backend emits, as kubectl reads them."""
    text = text_of(backend({**PLAIN, **settings}).emit(wanted or workflow(), planned))
    return list(yaml.load_all(text, yaml.CSafeLoader))
