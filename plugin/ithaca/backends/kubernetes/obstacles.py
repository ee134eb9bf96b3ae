"""Why a pod does not start, according to Kubernetes and engines, and what to do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ithaca.model.run import Obstacle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LONGEST = 300
"""Characters shown of a reason; some list every node of the cluster."""

_VAGUE = ("ExceededNodeResources",)
"""Reasons of Tekton that do not say which resource is short."""

_CURES = (
    (
        r"ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|ImagePullFailed",
        "correct the image's name, or add the registry's secret to `image_pull_secrets`",
    ),
    (
        r"CreateContainerConfigError",
        "create the missing secret or ConfigMap, or correct `store_secret`, "
        "`env_from_secrets` or the step's `secret:` tag",
    ),
    (
        r"CreateContainerError|RunContainerError|StartError",
        "check that the image has the program, and that the mounts are correct",
    ),
    (
        r"persistentvolumeclaim .*not found|unbound immediate PersistentVolumeClaims",
        "create the claim, or correct `volume_claims`, `store_claim` or `work`",
    ),
    (
        r"Unschedulable|FailedScheduling|ExceededNodeResources|nodes? (is|are) available",
        "ask for less, or allow other nodes: `request:` tags, `node`, `tolerations`, `affinity`",
    ),
    (
        r"exceeded quota|ExceededResourceQuota",
        "wait for other pods to end, ask for less, or have the quota of the namespace raised",
    ),
)


def obstacle(status: str) -> Obstacle | None:
    """What keeps a pod from starting; None if it is just starting.

    Args:
        status: Its status as a text: `REASON: message`.

    Example:
        >>> obstacle('CreateContainerConfigError: secret "s" not found').reason
        'CreateContainerConfigError'
        >>> obstacle("PodInitializing") is None
        True
    """
    for pattern, cure in _CURES:
        if re.search(pattern, status):
            reason, _, message = status.partition(": ")
            if not re.fullmatch(r"\w+", reason):
                reason, message = "Pending", status
            return Obstacle(reason=reason, message=_shortened(message), cure=cure)
    return None


def is_specific(found: Obstacle | None) -> bool:
    """Whether an obstacle is clear enough, so that the pod itself need not be read.

    Example:
        >>> is_specific(obstacle("ExceededNodeResources: exceeded available resources"))
        False
    """
    return found is not None and found.reason not in _VAGUE


def waiting_reason(pod: Mapping[str, Any]) -> str:
    """Why a pod waits, from its own status.

    Args:
        pod: The pod, from the API server.
    """
    return next(_reasons(pod.get("status") or {}), "")


def containers(status: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The statuses of a pod's containers, in the order in which they start."""
    lists = (status.get(name) for name in ("initContainerStatuses", "containerStatuses"))
    return [each for found in lists for each in found or ()]


def _reasons(status: Mapping[str, Any]) -> Iterator[str]:
    for each in containers(status):
        waiting = (each.get("state") or {}).get("waiting") or {}
        text = ": ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
        if obstacle(text):
            yield text
    for each in status.get("conditions") or ():
        if each.get("type") == "PodScheduled" and each.get("status") == "False":
            yield f"{each.get('reason', 'Unschedulable')}: {each.get('message', '')}"


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
