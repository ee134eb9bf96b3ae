"""The toolkit for cluster backends; public, so that other packages can build backends on it.

`client` reads and writes objects of the Kubernetes API as plain data, and `watching` follows
them; `kubeconfig` and `login` find the cluster and the credentials, and `connection` sends
requests. They use the `kubernetes` package for kubeconfigs, login, TLS and models.

`settings` reads `[tool.ithaca.NAME]`, `native` checks settings that are written as
Kubernetes documents them, `pods` builds the pod of a step from tags and settings, `command` has the
command lines of the runner, `names` has names that Kubernetes accepts, and `manifests` validates
settings and writes YAML. `session` submits, watches, answers and ends runs on any engine, with
`creating` and `following`; an `Engine` (`engine`) does what differs between engines. This room may
import the protocol, the models, the records and the errors.
"""

from __future__ import annotations

from ithaca.backends.kubernetes.client import Cluster, Conflict, Kind
from ithaca.backends.kubernetes.engine import Answer, Engine, Object, Outcome, PodState
from ithaca.backends.kubernetes.session import ClusterSession

__all__ = [
    "Answer",
    "Cluster",
    "ClusterSession",
    "Conflict",
    "Engine",
    "Kind",
    "Object",
    "Outcome",
    "PodState",
]
