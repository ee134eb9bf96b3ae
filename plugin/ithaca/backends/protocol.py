"""The contract between Ithaca and a backend.

A backend is two things. `emit` is a pure function from a workflow to the manifests that an engine
takes; the same input gives the same bytes. A `Session` submits a run and reaches it afterwards.

A run is written down before a backend hears of it: `runs/<id>/run` in the store holds the plan,
the arguments and the digests of workflow and source. Whatever the backend starts executes each
planned step with `python -m ithaca.runner`, which writes starts, logs and ends to the store. So a
backend keeps no state: it starts things in the order of `needs`, honours `retries`, `timeout`,
`resources` and approvals, writes an end for the run (the first one counts), and wakes up when an
event was written. Views read the store only.

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
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ithaca.model.run import Obstacle, RunDocument
    from ithaca.model.workflow import Step, Workflow
    from ithaca.store import Documents

PROTOCOL_VERSION = 1
"""Raised when a backend written for the version before would no longer do."""


class ManifestOptions(NamedTuple):
    """What the user of `ithaca manifests` asks for, besides settings.

    Attributes:
        claim_size: Size of the claim that holds the store.
        claim_mode: Its access mode.
        environ: The environment whose credentials are printed as a secret; None: print none.
    """

    claim_size: str = "10Gi"
    claim_mode: str = "ReadWriteMany"
    environ: Mapping[str, str] | None = None


class Check(NamedTuple):
    """One thing that `ithaca doctor` looked at.

    Attributes:
        what: What was looked at.
        status: `warning` for what works otherwise than it could; `unknown` when it cannot be
            seen from here. Neither is a failure.
        found: What was found, or what is wrong.
        cure: What to do about it.
    """

    what: str
    status: Literal["ok", "warning", "unknown", "failed"]
    found: str
    cure: str = ""


class Session(ABC):
    """Reaches the runs of one store on one backend."""

    @abstractmethod
    def submit(self, run_id: str) -> None:
        """Start a run whose document is in the store; returns when it goes on without us.

        Args:
            run_id: The run.

        Raises:
            BackendError: The backend cannot be reached or refuses the run.
        """

    @abstractmethod
    def alive(self, run_id: str) -> bool:
        """Whether something still owns the run: it will get an end without our help."""

    @abstractmethod
    def wake(self, run_id: str) -> None:
        """Tell the run's owner that an event was written; it may also have found it by itself."""

    def answer(
        self,
        run_id: str,  # noqa: ARG002 - for backends in which something asks
        step: str,  # noqa: ARG002
        decision: str,  # noqa: ARG002
        comment: str,  # noqa: ARG002
    ) -> bool:
        """Give a person's answer to what asks on the backend by rules of its own.

        Args:
            run_id: The run.
            step: The step that asks.
            decision: `approve` or `reject`.
            comment: What is said about it.

        Returns:
            Whether something there asks, and so writes down itself who answered; else the answer
            is written as an event, and counts.

        Raises:
            IthacaError: It does not take this answer, or not from this person.
        """
        return False

    @contextlib.contextmanager
    def follow(self, run_id: str) -> Iterator[Callable[[float], None]]:  # noqa: ARG002
        """Watch a run for as long as the block lasts.

        Yields:
            A function that returns when the run may have changed, at most so many seconds later.
        """
        yield time.sleep

    def obstacles(self, run_id: str) -> Mapping[str, Obstacle]:  # noqa: ARG002
        """Why steps that could run do not start, as far as the engine says it; cheap."""
        return {}

    def url(self, run_id: str) -> str | None:  # noqa: ARG002 - for engines that have pages
        """The page of the run in the engine's own UI, when it has one."""
        return None


class Backend(ABC):
    """What runs a plan.

    Args:
        settings: `[tool.ithaca.<name>]` of the project, as far as it is set.
    """

    name: ClassVar[str]
    """What `--backend` calls it."""

    protocol_version: ClassVar[int] = PROTOCOL_VERSION

    remote: ClassVar[bool] = False
    """Whether steps run on other machines: then a run is kept on a remote of the store."""

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.settings = dict(settings or {})

    @abstractmethod
    def check(self, workflow: Workflow, root: Path) -> tuple[str, ...]:
        """Refuse what could never run here, before anything is written.

        Args:
            workflow: The workflow that is to run.
            root: The project's root on this machine.

        Returns:
            Notices: what runs otherwise here than the user may expect.

        Raises:
            UsageError: It asks for something that this backend does not have.
        """

    @abstractmethod
    def session(self, home: Path, store: Documents) -> Session:
        """Open a session.

        Args:
            home: The folder for everything of Ithaca on this machine.
            store: Where the runs' documents are.
        """

    def container(self, step: Step) -> tuple[str, str] | None:  # noqa: ARG002
        """The image of a step and the interpreter in it (empty: the first on the PATH).

        None where steps run in the environment of this machine.
        """
        return None

    def emit(self, workflow: Workflow, run: RunDocument | None = None) -> str:
        """The engine's manifests as text; pure and deterministic.

        Args:
            workflow: The workflow.
            run: A planned run, to emit what that run needs; None for a general manifest.

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

    def manifests(self, options: ManifestOptions) -> str:  # noqa: ARG002 - for those that install something
        """What must be installed before runs can be started, as text for the engine's own tool.

        Args:
            options: What the user asks for, besides settings.

        Raises:
            UsageError: There is nothing to install, or something cannot be made.
        """
        from ithaca.errors import UsageError

        raise UsageError(
            "ITH923",
            f"the backend `{self.name}` needs nothing to be installed",
            cure=f"`ithaca doctor --backend {self.name}` says whether all is well",
        )

    def doctor(
        self,
        root: Path,  # noqa: ARG002 - for those that look
        home: Path,  # noqa: ARG002
        tell: Callable[[str], None],  # noqa: ARG002
    ) -> Iterator[Check]:
        """Look whether runs can be started, and what stands in their way.

        The store of runs on other machines is looked at by whoever asks, as this machine sees it.

        Args:
            root: The project's root.
            home: The folder for everything of Ithaca on this machine.
            tell: Told what is being waited for.

        Yields:
            Each thing that was looked at, when it is known.
        """
        yield from ()
