"""What a Workflow object says of its nodes, and what changing it makes Argo do."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes import Kind
from ithaca.errors import BackendError
from ithaca_argo import names

if TYPE_CHECKING:
    from collections.abc import Mapping

COMPLETED = ("Succeeded", "Failed", "Error")
"""Phases that nothing follows."""


WORKFLOW = Kind("argoproj.io", "v1alpha1", "Workflow", "workflows")


def nodes(workflow: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The nodes by their ids; Argo packs them when they are many.

    Raises:
        BackendError: They are kept in a database, or packed in a way that we do not know.
    """
    status = workflow.get("status") or {}
    if status.get("offloadNodeStatusVersion"):
        raise BackendError(
            "ITH656", "the workflow is so large that Argo keeps its nodes in a database"
        )
    packed = status.get("compressedNodes")
    if not packed:
        found: dict[str, dict[str, Any]] = status.get("nodes") or {}
        return found
    try:
        plain: dict[str, dict[str, Any]] = json.loads(gzip.decompress(base64.b64decode(packed)))
    except (OSError, ValueError) as error:
        raise BackendError(
            "ITH656", f"the workflow's nodes are packed in an unknown way: {error}"
        ) from None
    return plain


def outcome(workflow: Mapping[str, Any]) -> str | None:
    """The phase in which the steps ended, even while the last pod still runs; None before that."""
    status = workflow.get("status") or {}
    phase = status.get("phase")
    if phase in COMPLETED:
        return str(phase)
    graph = nodes(workflow).get(workflow["metadata"]["name"]) or {}
    phase = graph.get("phase")
    return str(phase) if phase in COMPLETED else None


def gates(workflow: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The nodes that wait for a person, by step."""
    return {
        _input(node, "step"): node
        for node in nodes(workflow).values()
        if node.get("type") == "Suspend"
        and node.get("phase") == "Running"
        and node.get("templateName") == names.APPROVAL
    }


def answered(
    workflow: Mapping[str, Any], answers: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """The object with answers in the nodes that wait for them, as `argo node set` and resume do.

    Args:
        workflow: The object as it was read.
        answers: What to supply, by step: `decision`, `by`, `comment`.
    """
    changed: dict[str, Any] = json.loads(json.dumps(workflow))
    known = nodes(changed)
    for node in known.values():
        step = _input(node, "step") if node.get("type") == "Suspend" else ""
        if node.get("phase") != "Running" or step not in answers:
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


def _input(node: Mapping[str, Any], name: str) -> str:
    given = (node.get("inputs") or {}).get("parameters") or []
    return next((str(each.get("value", "")) for each in given if each["name"] == name), "")
