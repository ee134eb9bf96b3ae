"""The Argo backend as the rest of Ithaca sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.backends.protocol import Backend, Session
from ithaca.errors import BackendError, UsageError
from ithaca_argo.settings import read

if TYPE_CHECKING:
    from pathlib import Path

    from ithaca.records.model import RunDocument
    from ithaca.workflow.model import Workflow


class ArgoBackend(Backend):
    """Runs plans on a cluster with Argo Workflows; `[tool.ithaca.argo]` says how."""

    name = "argo"

    def check(self, workflow: Workflow, root: Path) -> tuple[str, ...]:  # noqa: ARG002
        """Refuse what Argo would refuse; no run can be submitted yet."""
        self.emit(workflow)
        raise _not_yet()

    def session(self, home: Path) -> Session:  # noqa: ARG002
        """Not there yet."""
        raise _not_yet()

    def emit(self, workflow: Workflow, run: RunDocument | None = None) -> str:
        """Argo's manifests as YAML.

        Raises:
            UsageError: A setting is missing or wrong, or a text cannot be written for Argo.
            BackendError: hera is not installed.
        """
        settings = read(self.settings)
        try:
            from ithaca_argo.emit import emit
        except ImportError as error:
            raise BackendError(
                "ITH612",
                f"the backend `argo` cannot be loaded: {error}",
                cure="`pip install ithaca[argo]`",
            ) from None
        return emit(workflow, settings, run)


def _not_yet() -> UsageError:
    return UsageError(
        "ITH654",
        "this version cannot start runs on Argo",
        cure="`ithaca compile NB --backend argo` prints manifests that `argo submit` takes",
    )
