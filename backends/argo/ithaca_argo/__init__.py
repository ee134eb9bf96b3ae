"""The Argo backend: what a workflow is on a cluster with Argo Workflows.

`emit` turns a workflow into manifests, purely: the same workflow and settings give the same bytes.
What every backend for clusters says of a pod is in `ithaca.backends.kubernetes`; here `settings` is
what only Argo has in `[tool.ithaca.argo]`, `pods` the template of a pod, `command` the command line
that runs in it, `names` what Argo accepts as a name. The room may import that, the models of the
workflow and of the records, the errors and the protocol; hera is imported only where manifests are
made. What comes out goes to a person, to git or to a session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ithaca_argo.backend import ArgoBackend as ArgoBackend

__all__ = ["ArgoBackend"]


def __getattr__(name: str) -> object:
    if name == "ArgoBackend":
        from ithaca_argo.backend import ArgoBackend

        return ArgoBackend
    raise AttributeError(name)
