"""What is the same for every backend whose pods an engine on a cluster starts."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from ithaca.backends.protocol import Backend, Session
from ithaca.errors import BackendError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ithaca.backends.kubernetes.doctor import Installed
    from ithaca.backends.kubernetes.engine import Engine
    from ithaca.backends.kubernetes.settings import ClusterSettings
    from ithaca.backends.protocol import Check, ManifestOptions
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Step, Workflow
    from ithaca.store import Documents


class ClusterBackend(Backend):
    """Runs plans on a cluster; `[tool.ithaca.NAME]` says how.

    Whoever brings an engine says how its settings are read, its manifests written and its objects
    understood. What an extra brings is imported inside of these functions.
    """

    remote: ClassVar[bool] = True

    @abstractmethod
    def read(self) -> ClusterSettings:
        """The settings, checked.

        Raises:
            UsageError: One is wrong.
        """

    @abstractmethod
    def emitted(self, workflow: Workflow, run: RunDocument | None) -> str:
        """What `emit` gives, for settings and libraries that are there."""

    @abstractmethod
    def installed(self) -> Installed:
        """What the engine consists of, and who may do what with it."""

    @abstractmethod
    def engine(self) -> Engine:
        """What a session has to know of the engine."""

    def check(self, workflow: Workflow, root: Path) -> tuple[str, ...]:  # noqa: ARG002
        """Refuse what the engine would refuse, and a store that only pods can reach."""
        self.emit(workflow)
        settings = self.read()
        if settings.store_claim is not None:
            raise UsageError(
                "ITH654",
                "a run that is started from here needs a store that this machine reaches too, and "
                "`store_claim` is one of pods only",
                where=settings.place(),
                cure=f"set `store` instead; or `ithaca compile NB --backend {self.name}` and "
                "`kubectl create`",
            )
        return ()

    def session(self, home: Path, store: Documents) -> Session:  # noqa: ARG002
        """Reach the runs of that store on the cluster of the kubeconfig."""
        settings = self.read()
        with self._needed():
            from ithaca.backends.kubernetes.session import ClusterSession

            return ClusterSession(self.engine(), store, settings.namespace)

    def container(self, step: Step) -> tuple[str, str] | None:
        """The image of a step and the interpreter in it."""
        from ithaca.backends.kubernetes.pods import settled

        pod = settled(self.read(), step)
        return None if pod.image is None else (pod.image, pod.python or "")

    def emit(self, workflow: Workflow, run: RunDocument | None = None) -> str:
        """The engine's manifests as YAML.

        Raises:
            UsageError: A setting is missing or wrong, or a text cannot be written for the engine.
            BackendError: What the extra brings is not installed.
        """
        with self._needed():
            return self.emitted(workflow, run)

    def manifests(self, options: ManifestOptions) -> str:
        """What the engine's pods and their users need in a namespace."""
        settings = self.read()
        with self._needed():
            from ithaca.backends.kubernetes import namespace

            return namespace.manifests(settings, self.installed().rights, options)

    def doctor(
        self,
        root: Path,  # noqa: ARG002 - a cluster has no place of ours
        home: Path,  # noqa: ARG002
        tell: Callable[[str], None],
    ) -> Iterator[Check]:
        """Look at the cluster, the namespace and a pod in it."""
        settings = self.read()
        with self._needed():
            from ithaca.backends.kubernetes import doctor

            yield from doctor.examine(settings, self.installed(), tell)

    @contextlib.contextmanager
    def _needed(self) -> Iterator[None]:
        """What the extra brings; said in our words where it is not installed."""
        try:
            yield
        except ImportError as error:
            raise BackendError(
                "ITH612",
                f"the backend `{self.name}` cannot be loaded: {error}",
                cure=f"`pip install ithaca[{self.name}]`",
            ) from None
