"""The Argo backend as the rest of Ithaca sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.backends.kubernetes.backend import ClusterBackend
from ithaca_argo.settings import ArgoSettings, read

if TYPE_CHECKING:
    from ithaca.backends.kubernetes import Engine
    from ithaca.backends.kubernetes.doctor import Installed
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Workflow


class ArgoBackend(ClusterBackend):
    """Runs plans on a cluster with Argo Workflows; `[tool.ithaca.argo]` says how."""

    name = "argo"

    def read(self) -> ArgoSettings:
        """`[tool.ithaca.argo]`, checked."""
        return read(self.settings)

    def emitted(self, workflow: Workflow, run: RunDocument | None) -> str:
        """A WorkflowTemplate and a Workflow, or the Workflow of a run."""
        settings = self.read()
        from ithaca_argo.emit import emit

        return emit(workflow, settings, run)

    def engine(self) -> Engine:
        """What Workflows say."""
        from ithaca_argo.engine import ArgoEngine

        return ArgoEngine(self.read())

    def installed(self) -> Installed:
        """What Argo consists of."""
        from ithaca_argo.installed import INSTALLED

        return INSTALLED
