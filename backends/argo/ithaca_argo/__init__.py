"""The Argo backend: runs workflows on a cluster with Argo Workflows.

`ithaca.backends.kubernetes` has what all cluster backends share. Here, `settings` has the settings
that only Argo has, `emit` builds the objects, `pods` the templates of pods, `command` the command
lines in them, `names` the names that Argo accepts, `workflow` reads Workflow objects, and `engine`
connects all this to a session. This package may import the toolkit, the models of workflows and
runs, the errors and the protocol. hera is imported only when objects are built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.backends.kubernetes.backend import ClusterBackend
from ithaca.backends.kubernetes.settings import read
from ithaca_argo.settings import ArgoSettings

if TYPE_CHECKING:
    from ithaca.backends.kubernetes import Engine
    from ithaca.backends.kubernetes.doctor import Installed

__all__ = ["ArgoBackend"]


class ArgoBackend(ClusterBackend):
    """Runs plans on a cluster with Argo Workflows, as configured in `[tool.ithaca.argo]`."""

    name = "argo"

    def read(self) -> ArgoSettings:
        """Read and validate `[tool.ithaca.argo]`."""
        return read(ArgoSettings, self.settings, at_least_one=("parallel",))

    def engine(self) -> Engine:
        """Create the engine, which builds and reads Workflows."""
        from ithaca_argo.engine import ArgoEngine

        return ArgoEngine(self.read())

    def installed(self) -> Installed:
        """The parts of Argo, and the rights that it needs."""
        from ithaca_argo.engine import INSTALLED

        return INSTALLED
