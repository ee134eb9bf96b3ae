"""The contract between Ithaca and a backend.

A backend is an emitter and a session. `emit` is a pure function from a workflow to an engine's
manifests: the same input gives the same bytes. A `Session` submits a run and reaches it afterwards.

A run is written to the store before the backend is called: `runs/<id>/run` holds the plan, the
arguments and the digests of workflow and source. The backend executes each planned step with
`python -m ithaca.runner`, which writes starts, logs and ends to the store. So a backend keeps no
state: it starts steps in the order of `needs`, honours `retries`, `timeout`, `resources` and
approvals, writes an end for the run (the first one counts), and reacts to events.

Register a backend with an entry point:

```toml
[project.entry-points."ithaca.backends"]
mine = "my_package:MyBackend"
```
"""

from __future__ import annotations

import contextlib
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from pathlib import Path

    from ithaca.model.run import Obstacle, RunDocument
    from ithaca.model.workflow import Step, Workflow
    from ithaca.store import Documents

PROTOCOL_VERSION = 2
"""Raised when a backend that was written for the version before no longer works."""


class ManifestOptions(NamedTuple):
    """The options of `ithaca manifests`.

    Attributes:
        claim_size: Size of the volume claim that holds the store.
        claim_mode: Its access mode.
        environ: The environment whose credentials are printed as a secret; None prints none.
    """

    claim_size: str = "10Gi"
    claim_mode: str = "ReadWriteMany"
    environ: Mapping[str, str] | None = None


class Manifest(NamedTuple):
    """One object of an engine as text.

    Attributes:
        name: Its file name, where each object gets a file: `workflow-digits.yaml`.
        text: Its text. The texts of all manifests, one after the other, are one valid file.
    """

    name: str
    text: str


class Check(NamedTuple):
    """The result of one check of `ithaca doctor`.

    Attributes:
        what: What was checked.
        status: `warning` if it works with a drawback; `unknown` if it cannot be checked from this
            machine. Neither is a failure.
        found: What was found, or what is wrong.
        cure: What to do about it.
    """

    what: str
    status: Literal["ok", "warning", "unknown", "failed"]
    found: str
    cure: str = ""


class Observation(NamedTuple):
    """What a backend knows of a run that has no end yet.

    Attributes:
        alive: Whether something still owns the run and will end it.
        ends: Documents that `Session.reconcile` would write now, by name.
        obstacles: Why steps that could run do not start, by step.
    """

    alive: bool = True
    ends: Mapping[str, bytes] = {}
    obstacles: Mapping[str, Obstacle] = {}


class Session(ABC):
    """Reaches the runs of one store on one backend."""

    @abstractmethod
    def submit(self, run_id: str) -> None:
        """Start a run whose document is in the store; return when it runs independently.

        Args:
            run_id: The run.

        Raises:
            BackendError: The backend cannot be reached or refuses the run.
        """

    @abstractmethod
    def observe(self, run_id: str) -> Observation:
        """Look at a run that has no end yet, without writing anything; cheap.

        A page may call it every second, and a reader whose credentials only read.

        Args:
            run_id: The run.
        """

    def reconcile(self, run_id: str) -> None:  # noqa: ARG002 - where something else may end a run
        """Write the ends of attempts, and of the run, that nothing else can write any more.

        The run's watcher and explicit commands call it; views never do.

        Args:
            run_id: The run.

        Raises:
            StoreError: The store cannot be written.
        """
        return

    @abstractmethod
    def wake(self, run_id: str) -> None:
        """Tell the run's owner that an event was written; it may have noticed already."""

    def answer(
        self,
        run_id: str,  # noqa: ARG002 - for backends with gates of their own
        step: str,  # noqa: ARG002
        decision: str,  # noqa: ARG002
        comment: str,  # noqa: ARG002
    ) -> bool:
        """Pass a person's answer to a gate that the backend keeps itself.

        Args:
            run_id: The run.
            step: The step that asks.
            decision: `approve` or `reject`.
            comment: The person's comment.

        Returns:
            Whether the backend has such a gate; it then records the answer itself. Otherwise the
            answer is written as an event.

        Raises:
            IthacaError: The gate does not accept this answer, or not from this person.
        """
        return False

    @contextlib.contextmanager
    def follow(self, run_id: str) -> Iterator[Callable[[float], None]]:  # noqa: ARG002
        """Watch a run for as long as the block lasts.

        Yields:
            A function that waits until the run may have changed, for at most the given seconds.
        """
        yield time.sleep

    @contextlib.contextmanager
    def follow_study(
        self,
        study: str,  # noqa: ARG002 - for backends that watch many runs at once
    ) -> Iterator[Callable[[float], Collection[str] | None]]:
        """Watch all runs of a study for as long as the block lasts.

        Args:
            study: Name of the study.

        Yields:
            A function that waits for at most the given seconds. It returns the ids of the runs that
            may have ended; None if any may have.
        """
        yield time.sleep

    def url(self, run_id: str) -> str | None:  # noqa: ARG002 - for engines that have pages
        """The run's page in the engine's UI, if there is one."""
        return None


class Backend(ABC):
    """Something that runs plans.

    Args:
        settings: `[tool.ithaca.<name>]` of the project.
    """

    name: ClassVar[str]
    """Its name for `--backend`."""

    protocol_version: ClassVar[int] = PROTOCOL_VERSION

    remote: ClassVar[bool] = False
    """Whether steps run on other machines. Runs are then kept on a remote of the store."""

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.settings = dict(settings or {})

    @abstractmethod
    def check(self, workflow: Workflow, root: Path) -> tuple[str, ...]:
        """Refuse a workflow that can never run here, before anything is written.

        Args:
            workflow: The workflow.
            root: The project's root on this machine.

        Returns:
            Notices for the user, such as settings that have no effect here.

        Raises:
            UsageError: The workflow asks for something that this backend does not have.
        """

    @abstractmethod
    def session(self, home: Path, store: Documents) -> Session:
        """Open a session.

        Args:
            home: Ithaca's own folder on this machine.
            store: The store with the runs' documents.
        """

    def container(self, step: Step) -> tuple[str, str] | None:  # noqa: ARG002
        """The image of a step and the interpreter in it (empty: the first on the PATH).

        None if steps run in the environment of this machine.
        """
        return None

    def emit(self, workflow: Workflow, run: RunDocument | None = None) -> tuple[Manifest, ...]:
        """The engine's manifests; pure and deterministic.

        Args:
            workflow: The workflow.
            run: A planned run, to emit what it needs; None for a manifest that can run many times.

        Raises:
            UsageError: The backend has no manifests.
        """
        from ithaca.errors import UsageError

        raise UsageError(
            "ITH610",
            f"the backend `{self.name}` has no manifests" + (f" for {run.id}" if run else ""),
            cure=f"`ithaca compile` without `--backend` prints the workflow {workflow.name} as "
            f"JSON; `ithaca run --backend {self.name}` runs it",
        )

    def manifests(self, options: ManifestOptions) -> str:  # noqa: ARG002 - for backends that install something
        """What must be installed before runs can start, as text for the engine's own tool.

        Args:
            options: The options of `ithaca manifests`.

        Raises:
            UsageError: There is nothing to install, or an option is wrong.
        """
        from ithaca.errors import UsageError

        raise UsageError(
            "ITH923",
            f"the backend `{self.name}` needs no manifests",
            cure=f"run `ithaca doctor --backend {self.name}` to check that it works",
        )

    def doctor(
        self,
        root: Path,  # noqa: ARG002 - for backends that check something
        home: Path,  # noqa: ARG002
        report: Callable[[str], None],  # noqa: ARG002
    ) -> Iterator[Check]:
        """Check that runs can start.

        `ithaca doctor` itself checks the store, as this machine sees it.

        Args:
            root: The project's root.
            home: Ithaca's own folder on this machine.
            report: Called with what is being waited for.

        Yields:
            Each check, as soon as its result is known.
        """
        yield from ()
