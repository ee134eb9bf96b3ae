"""The Argo backend: what a workflow is on a cluster with Argo Workflows.

`emit` turns a workflow into manifests, purely: the same workflow and settings give the same bytes.
`settings` is `[tool.ithaca.argo]`, `pods` is the pod of one step, `command` the command line that
runs in it, `names` what Argo accepts as a name and what it would substitute. The room may import
the models of the workflow and of the records, the errors and the protocol; hera is imported only
where manifests are made. What comes out goes to a person, to git or to a session.
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
