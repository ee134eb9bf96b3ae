"""The Tekton backend: runs workflows on a cluster with Tekton Pipelines.

`ithaca.backends.kubernetes` has what all cluster backends share. Here, `settings` has the settings
that only Tekton has, and `model` the types of Tekton's objects. `pipeline` builds the graph of a
notebook, `tasks` the Tasks that steps share, `inline` the tasks inside the object of a run,
`objects` whole objects, and `emit` all objects of a workflow. `command` has the command lines in
pods, `names` the names that Tekton accepts, `approvals` asks through manual-approval-gate, and
`engine` connects all this to a session. This package may import the toolkit, the models of
workflows and runs, the errors and the protocol.
"""

from __future__ import annotations

from ithaca_tekton.backend import TektonBackend

__all__ = ["TektonBackend"]
