"""The Tekton backend: what a workflow is on a cluster with Tekton Pipelines.

What every backend for clusters says of a pod is in `ithaca.backends.kubernetes`; here `settings` is
what only Tekton has in `[tool.ithaca.tekton]`, `tasks` the Tasks that steps share, `pipeline` the
graph of a notebook, `emit` the manifests, `command` the command lines in the pods, `names` what
Tekton accepts as a name, `engine` what its objects say of a run. The room may import that, the
models of the workflow and of the records, the errors and the protocol. What comes out goes to a
person, to git or to a session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ithaca_tekton.backend import TektonBackend as TektonBackend

__all__ = ["TektonBackend"]


def __getattr__(name: str) -> object:
    if name == "TektonBackend":
        from ithaca_tekton.backend import TektonBackend

        return TektonBackend
    raise AttributeError(name)
