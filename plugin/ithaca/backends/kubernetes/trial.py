"""A test pod, which reports whether a step could run: its image, store and permissions.

It is made from the same settings as the pods of steps, and deleted when it has ended.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ithaca.backends.kubernetes import command
from ithaca.backends.kubernetes.client import POD, Kind
from ithaca.backends.kubernetes.obstacles import containers, obstacle, waiting_reason
from ithaca.backends.kubernetes.pods import preparing_pod
from ithaca.errors import BackendError
from ithaca.model.workflow import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.backends.kubernetes.client import Cluster
    from ithaca.backends.kubernetes.settings import ClusterSettings

EVENT = Kind("", "v1", "Event", "events")

MAY_PASS = {"Unschedulable": 30.0, "ErrImagePull": 30.0}
"""Seconds to wait for obstacles that often pass: nodes are added, a registry answers again."""

PATIENCE = 300.0
"""Seconds that the pod may take."""


class Ended(NamedTuple):
    """How the pod ended, or why it did not start.

    Attributes:
        message: The last output of its container, or the message of Kubernetes.
        reason: Why it did not run, in one word of Kubernetes; empty if it ran.
    """

    message: str
    reason: str = ""


def manifest(settings: ClusterSettings, step: str) -> dict[str, Any]:
    """The pod as a manifest.

    Args:
        settings: The settings, with an image.
        step: The step whose settings it gets.
    """
    pod = preparing_pod(Step(name=step), settings)
    own, store = pod.settings, settings.store or f"file://{command.STORE}"
    main = {"name": "main", **pod.container(command.check(store=store, python=own.python))}
    for each in (main, pod.first):
        if each:
            each["terminationMessagePolicy"] = "FallbackToLogsOnError"
    spec = {
        **pod.spec(),
        "restartPolicy": "Never",
        "activeDeadlineSeconds": int(PATIENCE * 2),
        "terminationGracePeriodSeconds": 0,
        "containers": [main],
        "imagePullSecrets": [{"name": each} for each in settings.image_pull_secrets],
    }
    name = f"ithaca-doctor-{secrets.token_hex(3)}"
    labels = {"app.kubernetes.io/part-of": "ithaca", "ithaca/doctor": name}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {**own.labels, **labels}},
        "spec": spec,
    }


def run(cluster: Cluster, pod: dict[str, Any], report: Callable[[str], None]) -> Ended:
    """Run a pod until it ends, and delete it.

    Args:
        cluster: The cluster.
        pod: The manifest.
        report: Called with what the pod is doing.

    Raises:
        BackendError: The API server rejects it.
    """
    name = pod["metadata"]["name"]
    try:
        cluster.create(pod)
        return _wait(cluster, name, report)
    finally:
        with contextlib.suppress(BackendError):
            cluster.delete(POD, name)


def _wait(cluster: Cluster, name: str, report: Callable[[str], None]) -> Ended:
    began = time.monotonic()
    while True:
        found = cluster.get(POD, name)
        if found is None:
            return Ended("it was deleted", "Deleted")
        lasted = time.monotonic() - began
        ended = _ended(found) or _stuck(found, lasted)
        if ended is not None:
            return ended
        doing = _doing(found)
        if lasted > PATIENCE:
            return Ended(f"still {doing}{_event(cluster, name)}", "Slow")
        report(f"waiting for pod {name}: {doing}")
        time.sleep(1.0)


def _ended(found: dict[str, Any]) -> Ended | None:
    status = found.get("status") or {}
    if status.get("phase") not in ("Succeeded", "Failed"):
        return None
    for each in containers(status):
        over = each["state"].get("terminated")
        if over is None or (over.get("exitCode") == 0 and each["name"] != "main"):
            continue
        reason = over.get("reason", "")
        message = over.get("message") or ""
        return Ended(message, "" if message else reason or f"exit code {over['exitCode']}")
    return Ended(status.get("message") or "", status.get("reason") or "Failed")


def _stuck(found: dict[str, Any], lasted: float) -> Ended | None:
    why = obstacle(waiting_reason(found))
    if why is None or lasted < MAY_PASS.get(why.reason, 0.0):
        return None
    return Ended(why.message, why.reason)


def _doing(found: dict[str, Any]) -> str:
    status = found.get("status") or {}
    for each in containers(status):
        if "running" in each["state"]:
            return f"container {each['name']} is running"
        reason = (each["state"].get("waiting") or {}).get("reason")
        if reason:
            return str(reason)
    return waiting_reason(found) or str(status.get("phase") or "Pending")


def _event(cluster: Cluster, name: str) -> str:
    """The last warning about the pod, if you may see events."""
    try:
        events, _ = cluster.list(EVENT)
    except BackendError:
        return ""
    warnings = [
        each["message"]
        for each in events
        if each["type"] == "Warning" and each["involvedObject"].get("name") == name
    ]
    return f": {warnings[-1]}" if warnings else ""


def read(message: str) -> dict[str, Any] | None:
    """The report of the runner in the pod; None if there was no runner or it is too old."""
    for line in message.splitlines():
        with contextlib.suppress(msgspec.MsgspecError):
            found = msgspec.json.decode(line)
            if isinstance(found, dict) and "ithaca" in found:
                return found
    return None
