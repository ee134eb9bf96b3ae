"""The pod that this process runs in, such as that of a notebook server in the cluster."""

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
        Its reference, by digest if it was pulled; None outside of a cluster, and if the service
        account may not read its own pod.
    """
    if "KUBERNETES_SERVICE_HOST" not in os.environ:
        return None
    try:
        pod = Cluster.connect().get(POD, os.environ.get("HOSTNAME") or socket.gethostname())
    except (BackendError, ImportError):
        return None
    return None if pod is None else image_of(pod)


def image_of(pod: Mapping[str, Any]) -> str | None:
    """The image of a pod's main container: the default container, else the first.

    Args:
        pod: The pod, from the API server.

    Example:
        >>> image_of({"metadata": {}, "spec": {"containers": [{"name": "nb", "image": "lab:4"}]}})
        'lab:4'
    """
    containers = pod["spec"]["containers"]
    chosen = (pod["metadata"].get("annotations") or {}).get(_CHOSEN)
    main = next((each for each in containers if each["name"] == chosen), containers[0])
    states = (pod.get("status") or {}).get("containerStatuses") or ()
    for state in states:
        # Images from a registry have a digest there; images loaded by hand have none.
        pulled = str(state.get("imageID") or "").rpartition("://")[2]
        if state["name"] == main["name"] and "@" in pulled:
            return pulled
    found = main.get("image")
    return str(found) if found else None
