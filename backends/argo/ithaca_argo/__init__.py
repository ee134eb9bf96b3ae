"""The Argo backend: runs workflows on a cluster with Argo Workflows.

`ithaca.backends.kubernetes` has what all cluster backends share. Here, `settings` has the settings
that only Argo has, `emit` builds the objects, `pods` the templates of pods, `command` the command
lines in them, `names` the names that Argo accepts, `workflow` reads Workflow objects, and `engine`
connects all this to a session. This package may import the toolkit, the models of workflows and
runs, the errors and the protocol. hera is imported only when objects are built.
"""

from __future__ import annotations

from ithaca_argo.backend import ArgoBackend

__all__ = ["ArgoBackend"]
