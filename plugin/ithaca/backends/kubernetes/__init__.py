"""What backends for clusters share; public, so that other backends can use it.

`client` reads and writes objects of the Kubernetes API as plain data, and `watching` follows one
of them. Below them, `kubeconfig` and `login` find the cluster and the credentials, `connection`
sends requests, and `answers` has the errors. They use the `kubernetes` package for kubeconfigs,
sign-in, TLS and models.

`settings` is what can be set under `[tool.ithaca.NAME]`, `native` checks what is written as
Kubernetes documents it, `pods` makes the pod of a step of tags and settings, `command` is how the
runner starts in it, `names` what may be called how, `manifests` what is checked and written in the
same way for every engine. `session` submits, follows, answers and ends runs, whatever engine runs
them; what is particular to one it asks an `Engine` (`engine`). May import the protocol, the models
of the workflow, the records, and the errors.
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
