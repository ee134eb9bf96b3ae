"""Reads the nodes of a Workflow object, and answers those that wait for a person."""

from __future__ import annotations

import base64
import gzip
import json
import re
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes import Kind, PodState
from ithaca.errors import BackendError
from ithaca_argo import names

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPLETED = ("Succeeded", "Failed", "Error")
"""Final phases."""

_NUMBER = re.compile(r"\((\d+)\)$")
"""The number in an attempt's display name: `train(0)` is the first."""

GROUP = "argoproj.io"
WORKFLOW = Kind(GROUP, "v1alpha1", "Workflow", "workflows")


def nodes(workflow: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The nodes by id; Argo compresses them when there are many.

    Raises:
        BackendError: Argo keeps them in a database, or in an unknown format.
    """
    status = workflow.get("status") or {}
    unreadable = partial(
        BackendError,
        "ITH656",
        where=workflow["metadata"]["name"],
        cure="follow and answer it in Argo's UI",
    )
    if status.get("offloadNodeStatusVersion"):
        raise unreadable(
            "Argo keeps the nodes of this large workflow in a database, which Ithaca cannot read"
        )
    packed = status.get("compressedNodes")
    if not packed:
        found: dict[str, dict[str, Any]] = status.get("nodes") or {}
        return found
    try:
        plain: dict[str, dict[str, Any]] = json.loads(gzip.decompress(base64.b64decode(packed)))
    except (OSError, ValueError) as error:
        raise unreadable(f"the workflow's nodes have an unknown format: {error}") from None
    return plain


def phase(workflow: Mapping[str, Any]) -> str | None:
    """The final phase of the steps, also while the last pod still runs; None before that."""
    status = workflow.get("status") or {}
    if status.get("phase") in COMPLETED:
        return str(status["phase"])
    graph = nodes(workflow).get(workflow["metadata"]["name"]) or {}
    return str(graph["phase"]) if graph.get("phase") in COMPLETED else None


def deadline(workflow: Mapping[str, Any]) -> float | None:
    """The run's deadline in seconds, if it has passed."""
    status = workflow.get("status") or {}
    spec = status.get("storedWorkflowTemplateSpec") or workflow.get("spec") or {}
    seconds, started = spec.get("activeDeadlineSeconds"), status.get("startedAt")
    if not seconds or not started:
        return None
    ended = (nodes(workflow).get(workflow["metadata"]["name"]) or {}).get("finishedAt")
    until = datetime.fromisoformat(ended) if ended else datetime.now(UTC)
    took = (until - datetime.fromisoformat(started)).total_seconds()
    return float(seconds) if took >= seconds else None


def pods(workflow: Mapping[str, Any]) -> list[PodState]:
    """The pods of steps, without the pod that records the end."""
    return [_pod(node) for node in nodes(workflow).values() if _step(node) and _is_pod(node)]


def _is_pod(node: Mapping[str, Any]) -> bool:
    return node.get("type") == "Pod"


def _pod(node: Mapping[str, Any]) -> PodState:
    phase = str(node.get("phase", ""))
    code = (node.get("outputs") or {}).get("exitCode")
    number = _NUMBER.search(node.get("displayName", ""))
    return PodState(
        step=_step(node),
        number=int(number[1]) + 1 if number else 1,
        phase="ended" if phase in COMPLETED else "running" if phase == "Running" else "pending",
        failed=phase in ("Failed", "Error"),
        message=str(node.get("message") or ""),
        exit_code=int(code) if code is not None and str(code).isdigit() else None,
        # The pod is called WORKFLOW-TEMPLATE-HASH, and the node's id is WORKFLOW-HASH.
        name="-" + str(node["id"]).rpartition("-")[2],
    )


def gates(workflow: Mapping[str, Any]) -> set[str]:
    """The steps that wait for a person."""
    return {_asked(node) for node in nodes(workflow).values()} - {""}


def answered(
    workflow: Mapping[str, Any], answers: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """The object with answers written into its waiting nodes, as `argo node set` would do it.

    Args:
        workflow: The object as it was read.
        answers: The outputs to supply, by step: `decision`, `by`, `comment`.
    """
    changed: dict[str, Any] = json.loads(json.dumps(workflow))
    known = nodes(changed)
    for node in known.values():
        step = _asked(node)
        if step not in answers:
            continue
        for parameter in node.get("outputs", {}).get("parameters", []):
            if parameter["name"] in answers[step]:
                parameter["value"] = answers[step][parameter["name"]]
        node["phase"] = "Succeeded"
        node["message"] = "answered through ithaca"
        node["finishedAt"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    packed = changed["status"].get("compressedNodes")
    if packed:
        data = gzip.compress(json.dumps(known).encode(), mtime=0)
        changed["status"]["compressedNodes"] = base64.b64encode(data).decode()
    return changed


def _asked(node: Mapping[str, Any]) -> str:
    """The step for which a node waits for a person; empty when it does not wait."""
    if node.get("templateName") != names.APPROVAL or node.get("phase") != "Running":
        return ""
    return _step(node)


def _step(node: Mapping[str, Any]) -> str:
    """The step that a node belongs to; empty if there is none."""
    given = (node.get("inputs") or {}).get("parameters") or []
    return next((str(each.get("value", "")) for each in given if each["name"] == "step"), "")
