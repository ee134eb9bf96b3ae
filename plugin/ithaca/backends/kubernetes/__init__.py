"""What backends for clusters share: objects of the Kubernetes API as plain data, and one watch.

`client` reads and writes objects, `watching` follows one of them. The library below is lightkube,
for its kubeconfig and credentials; objects stay what the API server says. May import Ithaca's
errors and nothing else; it is public, so that anybody's backend can use it.
"""

from __future__ import annotations

from ithaca.backends.kubernetes.client import Cluster, Conflict, Kind

__all__ = ["Cluster", "Conflict", "Kind"]
