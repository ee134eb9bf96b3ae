"""The Argo backend as the rest of Ithaca sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.backends.kubernetes.backend import ClusterBackend
from ithaca.backends.kubernetes.settings import read
from ithaca_argo.settings import ArgoSettings

if TYPE_CHECKING:
    from ithaca.backends.kubernetes import Engine
    from ithaca.backends.kubernetes.doctor import Installed


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
