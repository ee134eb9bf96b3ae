"""The Argo backend as the rest of Ithaca sees it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ithaca.backends.protocol import Backend, Session
from ithaca.errors import BackendError, UsageError
from ithaca_argo.settings import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ithaca.backends.protocol import Check, Wishes
    from ithaca.records.journal import Documents
    from ithaca.records.model import RunDocument
    from ithaca.workflow.model import Step, Workflow


class ArgoBackend(Backend):
    """Runs plans on a cluster with Argo Workflows; `[tool.ithaca.argo]` says how."""

    name = "argo"
    remote = True

    def check(self, workflow: Workflow, root: Path) -> tuple[str, ...]:  # noqa: ARG002
        """Refuse what Argo would refuse, and a store that only pods can reach."""
        self.emit(workflow)
        if read(self.settings).store_claim is not None:
            raise UsageError(
                "ITH654",
                "a run that is started from here needs a store that this machine reaches too, and "
                "`store_claim` is one of pods only",
                where="[tool.ithaca.argo]",
                cure="set `store` instead; or `ithaca compile NB --backend argo` and `argo submit`",
            )
        return ()

    def session(self, home: Path, store: Documents) -> Session:  # noqa: ARG002
        """Reach the runs of that store on the cluster of the kubeconfig."""
        settings = read(self.settings)
        with _needed():
            from ithaca.backends.kubernetes import ClusterSession
            from ithaca_argo.engine import ArgoEngine

        return ClusterSession(ArgoEngine(settings), store, settings.namespace)

    def container(self, step: Step) -> tuple[str, str] | None:
        """The image of a step and the interpreter in it."""
        with _needed():
            from ithaca.backends.kubernetes.pods import settled

        pod = settled(read(self.settings), step)
        return None if pod.image is None else (pod.image, pod.python or "")

    def emit(self, workflow: Workflow, run: RunDocument | None = None) -> str:
        """Argo's manifests as YAML.

        Raises:
            UsageError: A setting is missing or wrong, or a text cannot be written for Argo.
            BackendError: hera is not installed.
        """
        settings = read(self.settings)
        with _needed():
            from ithaca_argo.emit import emit

        return emit(workflow, settings, run)

    def manifests(self, wishes: Wishes) -> str:
        """What Argo's pods and their users need in a namespace."""
        settings = read(self.settings)
        with _needed():
            from ithaca.backends.kubernetes import namespace
            from ithaca_argo.installed import RIGHTS

            return namespace.manifests(settings, RIGHTS, wishes)

    def doctor(
        self,
        root: Path,  # noqa: ARG002 - a cluster has no place of ours
        home: Path,  # noqa: ARG002
        tell: Callable[[str], None],
    ) -> Iterator[Check]:
        """Look at the cluster, the namespace and a pod in it."""
        settings = read(self.settings)
        with _needed():
            from ithaca.backends.kubernetes import doctor
            from ithaca_argo.installed import INSTALLED

            yield from doctor.examine(settings, INSTALLED, tell)


@contextlib.contextmanager
def _needed() -> Iterator[None]:
    """What the extra brings; said in our words where it is not installed."""
    try:
        yield
    except ImportError as error:
        raise BackendError(
            "ITH612",
            f"the backend `argo` cannot be loaded: {error}",
            cure="`pip install ithaca[argo]`",
        ) from None
