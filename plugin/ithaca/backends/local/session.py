"""The local backend's face: starts supervisors and observes them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from ulid import ULID

from ithaca.backends.local import admission, lock, schedule, work
from ithaca.backends.local.ledger import NOTHING, Ledger
from ithaca.backends.protocol import Backend, Observation, Session
from ithaca.errors import BackendError, UsageError
from ithaca.records.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from ithaca.backends.protocol import Check
    from ithaca.model.run import Obstacle
    from ithaca.model.workflow import Workflow
    from ithaca.store import Documents

SUBMISSION = 10.0
"""Seconds that a run may be without its lock because it is being submitted."""


class LocalBackend(Backend):
    """Runs plans on this machine.

    `[tool.ithaca.local]` may set what the machine has: `cpu`, `memory`, `gpu`.
    """

    name = "local"

    def check(self, workflow: Workflow, root: Path) -> tuple[str, ...]:
        """Refuse steps that ask for more than the machine has, and volumes that it lacks."""
        admission.validate_limits(workflow, admission.machine(self.settings))
        if not workflow.volumes:
            return ()
        from ithaca.runner import volumes  # few notebooks have any

        return volumes.check(workflow, root)

    def session(self, home: Path, store: Documents) -> LocalSession:
        """Reach the runs whose store is in `home`."""
        return LocalSession(home, store, self.settings)

    def doctor(self, root: Path, home: Path, report: Callable[[str], None]) -> Iterator[Check]:
        """Check what this machine has, and whether runs can be stored here."""
        from ithaca.backends.local.doctor import examine

        return examine(self.settings, root, home, report)


class LocalSession(Session):
    """Starts supervisors and observes them.

    Args:
        home: The folder that holds the store.
        store: The store; without it nothing is known of why steps do not start.
        settings: `[tool.ithaca.local]`.
    """

    def __init__(
        self,
        home: Path,
        store: Documents | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.home, self._store, self._settings = home, store, settings
        self._journals: dict[str, Journal] = {}

    def submit(self, run_id: str) -> None:
        """Start a supervisor in a session of its own, so that it outlives this process."""
        held = self._hold(work.lock_path(self.home, run_id))
        try:
            with self.log(run_id).open("ab") as log:
                module = ["-P", "-m", "ithaca.backends.local.supervisor"]
                subprocess.Popen(
                    [sys.executable, *module, str(self.home), run_id, str(held)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(held,),
                    start_new_session=True,
                )
        except OSError as error:
            raise BackendError("ITH624", f"cannot start the supervisor: {error}") from None
        finally:
            os.close(held)

    def observe(self, run_id: str) -> Observation:
        """Whether the run's supervisor lives, or is just being started; which steps lack room."""
        path = work.lock_path(self.home, run_id)
        if not path.exists():
            return Observation(alive=time.time() - ULID.from_str(run_id).timestamp < SUBMISSION)
        alive = lock.is_held(path)
        return Observation(alive=alive, obstacles=self._obstacles(run_id) if alive else {})

    def _obstacles(self, run_id: str) -> dict[str, Obstacle]:
        """The steps that could start if other steps left them room."""
        claims = Ledger().claims()
        if self._store is None or not claims:
            return {}
        journal = self._journals.setdefault(run_id, Journal(self._store, run_id))
        used = sum(claims, NOTHING)
        starting = {each.step for each in claims if each.run == run_id}
        moves = schedule.moves(journal.workflow(), journal.state(), journal.events())
        try:
            machine = admission.machine(self._settings)
        except UsageError:  # edited since the run was submitted
            return {}
        found = {
            move.step.name: admission.shortage(move.step, used, machine)
            for move in moves
            if move.answer == "go" and move.step.name not in starting
        }
        return {name: why for name, why in found.items() if why is not None}

    def wake(self, run_id: str) -> None:
        """Wake the supervisor, which otherwise reads events a moment later."""
        owner = lock.owner(work.lock_path(self.home, run_id))
        if owner is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(owner, signal.SIGUSR1)

    def log(self, run_id: str) -> Path:
        """The supervisor's log; it is empty unless Ithaca itself fails."""
        folder = self.home / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{run_id}.log"

    def _hold(self, path: Path) -> int:
        for _ in range(50):
            try:
                return lock.hold(path)
            except BlockingIOError:
                time.sleep(0.02)  # a sweeper found the folder before we had locked it
        raise BackendError("ITH625", "another process holds the run's lock", where=str(path))
