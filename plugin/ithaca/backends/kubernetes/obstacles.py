"""Why a pod does not start, as Kubernetes and engines say it, and what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ithaca.model.run import Obstacle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_LONGEST = 300
"""Characters of a reason; some name each node of the cluster."""

_VAGUE = ("ExceededNodeResources",)
"""Reasons by which Tekton tells that there is no room, and not of what."""

_CURES = (
    (
        r"ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull|ImagePullFailed",
        "correct the image's name, or name the registry's secret in `image_pull_secrets`",
    ),
    (
        r"CreateContainerConfigError",
        "create the secret or ConfigMap that it names, or correct `store_secret`, "
        "`env_from_secrets` or the step's `secret:` tag",
    ),
    (
        r"CreateContainerError|RunContainerError|StartError",
        "see what it says; most often the image lacks the program, or a mount is wrong",
    ),
    (
        r"persistentvolumeclaim .*not found|unbound immediate PersistentVolumeClaims",
        "create the claim, or correct `volume_claims`, `store_claim` or `work`",
    ),
    (
        r"Unschedulable|FailedScheduling|ExceededNodeResources|nodes? (is|are) available",
        "ask for less, or let nodes have it: `request:` tags, `node`, `tolerations`, `affinity`",
    ),
    (
        r"exceeded quota|ExceededResourceQuota",
        "wait until other pods have ended, ask for less, or for a larger quota of the namespace",
    ),
)


def obstacle(said: str) -> Obstacle | None:
    """What keeps a pod from starting; None for one that is only on its way.

    Args:
        said: What is said of it: `REASON: message`.

    Example:
        >>> obstacle('CreateContainerConfigError: secret "s" not found').reason
        'CreateContainerConfigError'
        >>> obstacle("PodInitializing") is None
        True
    """
    for pattern, cure in _CURES:
        if re.search(pattern, said):
            reason, _, message = said.partition(": ")
            if not re.fullmatch(r"\w+", reason):
                reason, message = "Pending", said
            return Obstacle(reason=reason, message=_shortened(message), cure=cure)
    return None


def says_enough(told: Obstacle | None) -> bool:
    """Whether what an engine tells of a pod need not be looked up in the pod itself.

    Example:
        >>> says_enough(obstacle("ExceededNodeResources: exceeded available resources"))
        False
    """
    return told is not None and told.reason not in _VAGUE


def said(pod: Mapping[str, Any]) -> str:
    """What a pod's own status says of why it waits.

    Args:
        pod: The pod, as the API server serves it.
    """
    return next(_said(pod.get("status") or {}), "")


def _said(status: Mapping[str, Any]) -> Iterator[str]:
    told = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    for each in told:
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
