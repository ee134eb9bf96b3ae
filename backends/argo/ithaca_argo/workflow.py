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
            "ITH656",
            "the workflow is so large that Argo keeps its nodes in a database",
            where=workflow["metadata"]["name"],
            cure="answer and follow it in Argo's own UI",
        )
    packed = status.get("compressedNodes")
    if not packed:
        found: dict[str, dict[str, Any]] = status.get("nodes") or {}
        return found
    try:
        plain: dict[str, dict[str, Any]] = json.loads(gzip.decompress(base64.b64decode(packed)))
    except (OSError, ValueError) as error:
        raise BackendError(
            "ITH656",
            f"the workflow's nodes are packed in an unknown way: {error}",
            where=workflow["metadata"]["name"],
            cure="answer and follow it in Argo's own UI",
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


def gates(workflow: Mapping[str, Any]) -> set[str]:
    """The steps that wait for a person."""
    return {_asked(node) for node in nodes(workflow).values()} - {""}


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
    """The step that a node asks a person about; empty when it asks nothing, or no longer."""
    if node.get("templateName") != names.APPROVAL or node.get("phase") != "Running":
        return ""
    given = (node.get("inputs") or {}).get("parameters") or []
    return next((str(each.get("value", "")) for each in given if each["name"] == "step"), "")
