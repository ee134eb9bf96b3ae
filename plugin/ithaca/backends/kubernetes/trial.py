"""A pod that runs no step, but says whether a step could run: image, store and rights as pods have.

It is made of the same settings as the pods of steps, is waited for, and is deleted at the end.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ithaca.backends.kubernetes import command
from ithaca.backends.kubernetes.client import POD, Kind
from ithaca.backends.kubernetes.obstacles import obstacle, said
from ithaca.backends.kubernetes.pods import preparing_pod
from ithaca.errors import BackendError
from ithaca.model.workflow import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ithaca.backends.kubernetes.client import Cluster
    from ithaca.backends.kubernetes.settings import ClusterSettings

EVENT = Kind("", "v1", "Event", "events")

MAY_PASS = {"Unschedulable": 30.0, "ErrImagePull": 30.0}
"""Seconds that a pod may be kept by what most often passes: nodes come, a registry answers."""

PATIENCE = 300.0
"""Seconds that a pod may take in all."""


class Ended(NamedTuple):
    """How a pod ended, or why it never began.

    Attributes:
        message: What its container said at the end, or what Kubernetes says of it.
        reason: Kubernetes' word for what it is stuck in; empty when it ran.
    """

    message: str
    reason: str = ""


def manifest(settings: ClusterSettings, step: str) -> dict[str, Any]:
    """The pod.

    Args:
        settings: What is set; there is an image.
        step: A step whose settings count.
    """
    pod = preparing_pod(Step(name=step), settings)
    own, store = pod.settings, settings.store or f"file://{command.STORE}"
    container = {
        "name": "main",
        "image": own.image,
        "imagePullPolicy": own.image_pull_policy,
        "command": pod.command,
        "args": command.check(store=store, python=own.python),
        "env": pod.env,
        "envFrom": pod.env_from,
        "resources": pod.resources,
        "volumeMounts": pod.mounts,
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    first = {**pod.first, "terminationMessagePolicy": "FallbackToLogsOnError"} if pod.first else {}
    spec = {
        "restartPolicy": "Never",
        "activeDeadlineSeconds": int(PATIENCE * 2),
        "terminationGracePeriodSeconds": 0,
        "initContainers": [first] if first else None,
        "containers": [{name: value for name, value in container.items() if value}],
        "volumes": pod.volumes,
        "nodeSelector": own.node,
        "tolerations": pod.tolerations,
        "affinity": pod.affinity,
        "securityContext": pod.security_context,
        "serviceAccountName": own.service_account,
        "priorityClassName": own.priority_class,
        "schedulerName": own.scheduler,
        "imagePullSecrets": [{"name": each} for each in settings.image_pull_secrets],
    }
    name = f"ithaca-doctor-{secrets.token_hex(3)}"
    labels = {"app.kubernetes.io/part-of": "ithaca", "ithaca/doctor": name}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {**own.labels, **labels}},
        "spec": {key: value for key, value in spec.items() if value},
    }


def run(cluster: Cluster, pod: dict[str, Any], tell: Callable[[str], None]) -> Ended:
    """Run a pod to its end, and delete it.

    Args:
        cluster: Where.
        pod: The pod.
        tell: Told what it is doing.

    Raises:
        BackendError: The API server does not take it.
    """
    name = pod["metadata"]["name"]
    try:
        cluster.create(pod)
        return _wait(cluster, name, tell)
    finally:
        with contextlib.suppress(BackendError):
            cluster.delete(POD, name)


def _wait(cluster: Cluster, name: str, tell: Callable[[str], None]) -> Ended:
    began = time.monotonic()
    while True:
        found = cluster.get(POD, name)
        if found is None:
            return Ended("somebody deleted it", "Deleted")
        lasted = time.monotonic() - began
        ended = _ended(found) or _stuck(found, lasted)
        if ended is not None:
            return ended
        doing = _doing(found)
        if lasted > PATIENCE:
            return Ended(f"still {doing}{_event(cluster, name)}", "Slow")
        tell(f"waiting for the pod {name}: {doing}")
        time.sleep(1.0)


def _containers(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    status = found.get("status") or {}
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()


def _ended(found: dict[str, Any]) -> Ended | None:
    status = found.get("status") or {}
    if status.get("phase") not in ("Succeeded", "Failed"):
        return None
    for each in _containers(found):
        over = each["state"].get("terminated")
        if over is None or (over.get("exitCode") == 0 and each["name"] != "main"):
            continue
        reason = over.get("reason", "")
        told = over.get("message") or ""
        return Ended(told, "" if told else reason or f"exit code {over['exitCode']}")
    return Ended(status.get("message") or "", status.get("reason") or "Failed")


def _stuck(found: dict[str, Any], lasted: float) -> Ended | None:
    why = obstacle(said(found))
    if why is None or lasted < MAY_PASS.get(why.reason, 0.0):
        return None
    return Ended(why.message, why.reason)


def _doing(found: dict[str, Any]) -> str:
    for each in _containers(found):
        if "running" in each["state"]:
            return f"its container {each['name']} runs"
        reason = (each["state"].get("waiting") or {}).get("reason")
        if reason:
            return str(reason)
    return said(found) or str((found.get("status") or {}).get("phase") or "Pending")


def _event(cluster: Cluster, name: str) -> str:
    """The last warning of the pod, where we may see it."""
    try:
        events, _ = cluster.list(EVENT)
    except BackendError:
        return ""
    told = [
        each["message"]
        for each in events
        if each["type"] == "Warning" and each["involvedObject"].get("name") == name
    ]
    return f": {told[-1]}" if told else ""


def read(message: str) -> dict[str, Any] | None:
    """What the runner said in the pod; None when it was no runner that knows how."""
    for line in message.splitlines():
        with contextlib.suppress(msgspec.MsgspecError):
            found = msgspec.json.decode(line)
            if isinstance(found, dict) and "ithaca" in found:
                return found
    return None
