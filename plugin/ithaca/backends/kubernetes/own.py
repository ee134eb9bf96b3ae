"""The pod that this process runs in, when it is one of a notebook server in the cluster."""

from __future__ import annotations

import functools
import os
import socket
from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes.client import POD, Cluster
from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CHOSEN = "kubectl.kubernetes.io/default-container"


@functools.cache
def image() -> str | None:
    """The image that this process runs in.

    Returns:
        Its reference, by digest where it was pulled by one; None outside of a cluster, and where
        the service account may not read its own pod.
    """
    if "KUBERNETES_SERVICE_HOST" not in os.environ:
        return None
    try:
        pod = Cluster.connect().get(POD, os.environ.get("HOSTNAME") or socket.gethostname())
    except (BackendError, ImportError):
        return None
    return None if pod is None else image_of(pod)


def image_of(pod: Mapping[str, Any]) -> str | None:
    """The image of a pod's main container: the one that is named as such, else the first.

    Args:
        pod: The pod as it is served.

    Example:
        >>> image_of({"metadata": {}, "spec": {"containers": [{"name": "nb", "image": "lab:4"}]}})
        'lab:4'
    """
    containers = pod["spec"]["containers"]
    chosen = (pod["metadata"].get("annotations") or {}).get(_CHOSEN)
    main = next((each for each in containers if each["name"] == chosen), containers[0])
    states = (pod.get("status") or {}).get("containerStatuses") or ()
    for state in states:
        # What was pulled has a digest in its registry; what was loaded by hand has none.
        pulled = str(state.get("imageID") or "").rpartition("://")[2]
        if state["name"] == main["name"] and "@" in pulled:
            return pulled
    found = main.get("image")
    return str(found) if found else None
