"""The Tekton backend as the rest of Ithaca sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.backends.kubernetes.backend import ClusterBackend
from ithaca_tekton.settings import TektonSettings, read

if TYPE_CHECKING:
    from pathlib import Path

    from ithaca.backends.kubernetes import Engine
    from ithaca.backends.kubernetes.doctor import Installed
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Workflow


class TektonBackend(ClusterBackend):
    """Runs plans on a cluster with Tekton Pipelines; `[tool.ithaca.tekton]` says how."""

    name = "tekton"

    def check(self, workflow: Workflow, root: Path) -> tuple[str, ...]:
        """Refuse what Tekton would refuse; say what it does in its own way."""
        notices = super().check(workflow, root)
        if self.read().parallel is None:
            return notices
        said = "Tekton starts every step that can start: the setting `parallel` does not count"
        return (*notices, said)

    def read(self) -> TektonSettings:
        """`[tool.ithaca.tekton]`, checked."""
        return read(self.settings)

    def emitted(self, workflow: Workflow, run: RunDocument | None) -> str:
        """Tasks, a Pipeline and a PipelineRun, or the PipelineRun of a run."""
        settings = self.read()
        from ithaca_tekton.emit import emit

        return emit(workflow, settings, run)

    def engine(self) -> Engine:
        """What PipelineRuns and TaskRuns say."""
        from ithaca_tekton.engine import TektonEngine

        return TektonEngine(self.read())

    def installed(self) -> Installed:
        """What Tekton consists of, and what the settings need beside it."""
        from ithaca_tekton.installed import installed

        return installed(self.read())
