"""The base of every backend whose pods are started by an engine on a cluster."""

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
    from ithaca.backends.protocol import Check, Manifest, ManifestOptions
    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Step, Workflow
    from ithaca.store import Documents


class ClusterBackend(Backend):
    """Runs plans on a cluster, as configured in `[tool.ithaca.NAME]`.

    A subclass reads its settings and names its engine. It imports what its extra installs inside
    these functions only.
    """

    remote: ClassVar[bool] = True

    @abstractmethod
    def read(self) -> ClusterSettings:
        """Read and validate the settings.

        Raises:
            UsageError: A setting is unknown or has a wrong value.
        """

    @abstractmethod
    def engine(self) -> Engine:
        """Create the engine, which builds objects and reads them."""

    @abstractmethod
    def installed(self) -> Installed:
        """The parts that the engine consists of, and the rights that it needs."""

    def check(self, workflow: Workflow, root: Path) -> tuple[str, ...]:  # noqa: ARG002
        """Refuse what the engine would refuse, and a store that only pods can reach."""
        with self._extra():
            self.engine().objects(workflow)
        settings = self.read()
        if settings.store_claim is not None:
            raise UsageError(
                "ITH654",
                "`store_claim` can be reached from pods only, but this machine needs the store to "
                "start a run",
                where=settings.place(),
                cure=f"set `store` instead, or use `ithaca compile NB --backend {self.name}` and "
                "`kubectl create`",
            )
        return ()

    def session(self, home: Path, store: Documents) -> Session:  # noqa: ARG002
        """Open a session on the cluster of the kubeconfig."""
        settings = self.read()
        with self._extra():
            from ithaca.backends.kubernetes.session import ClusterSession

            return ClusterSession(self.engine(), store, settings.namespace)

    def container(self, step: Step) -> tuple[str, str] | None:
        """The image of a step, and the Python interpreter to use in it."""
        from ithaca.backends.kubernetes.pods import pod_settings

        pod = pod_settings(self.read(), step)
        return None if pod.image is None else (pod.image, pod.python or "")

    def emit(self, workflow: Workflow, run: RunDocument | None = None) -> tuple[Manifest, ...]:
        """The engine's objects as YAML, a manifest each.

        Raises:
            UsageError: A setting is missing or wrong, or a text has a variable of the engine.
            BackendError: The backend's extra is not installed.
        """
        with self._extra():
            from ithaca.backends.kubernetes.manifests import manifests

            return manifests(self.engine().objects(workflow, run))

    def manifests(self, options: ManifestOptions) -> str:
        """The objects that a namespace needs before runs can start in it, as YAML."""
        settings = self.read()
        with self._extra():
            from ithaca.backends.kubernetes import namespace

            return namespace.manifests(settings, self.installed().rights, options)

    def doctor(
        self,
        root: Path,  # noqa: ARG002
        home: Path,  # noqa: ARG002
        report: Callable[[str], None],
    ) -> Iterator[Check]:
        """Check the cluster, the namespace, and a pod in it."""
        settings = self.read()
        with self._extra():
            from ithaca.backends.kubernetes import doctor

            yield from doctor.examine(settings, self.installed(), report)

    @contextlib.contextmanager
    def _extra(self) -> Iterator[None]:
        """Report a missing library as a missing extra."""
        try:
            yield
        except ImportError as error:
            raise BackendError(
                "ITH612",
                f"the backend `{self.name}` cannot be loaded: {error}",
                cure=f"`pip install ithaca[{self.name}]`",
            ) from None
