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

from typing import TYPE_CHECKING

from ithaca.backends.kubernetes.backend import ClusterBackend
from ithaca_tekton.settings import TektonSettings, read

if TYPE_CHECKING:
    from pathlib import Path

    from ithaca.backends.kubernetes import Engine
    from ithaca.backends.kubernetes.doctor import Installed
    from ithaca.model.workflow import Workflow

__all__ = ["TektonBackend"]


class TektonBackend(ClusterBackend):
    """Runs plans on a cluster with Tekton Pipelines, as configured in `[tool.ithaca.tekton]`."""

    name = "tekton"

    def check(self, workflow: Workflow, root: Path) -> tuple[str, ...]:
        """Refuse what Tekton would refuse, and report settings that it ignores."""
        notices = super().check(workflow, root)
        if self.read().parallel is None:
            return notices
        ignored = "Tekton ignores the setting `parallel`: it starts every step that can start"
        return (*notices, ignored)

    def read(self) -> TektonSettings:
        """Read and validate `[tool.ithaca.tekton]`."""
        return read(self.settings)

    def engine(self) -> Engine:
        """Create the engine, which builds PipelineRuns and reads them and their TaskRuns."""
        from ithaca_tekton.engine import TektonEngine

        return TektonEngine(self.read())

    def installed(self) -> Installed:
        """The parts of Tekton, those that the settings need, and the rights that they need."""
        from ithaca_tekton.installed import installed

        return installed(self.read())
