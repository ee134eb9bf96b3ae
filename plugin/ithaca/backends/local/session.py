"""The local backend as the rest of Ithaca sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from ulid import ULID

from ithaca.backends.local import admission, lock, work
from ithaca.backends.protocol import Backend, Session
from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ithaca.backends.protocol import Check
    from ithaca.model.workflow import Workflow
    from ithaca.store import Documents

SUBMISSION = 10.0
"""Seconds that a run may be without its lock because it is being submitted."""


class LocalBackend(Backend):
    """Runs plans on this machine.

    `[tool.ithaca.local]` may say what the machine has: `cpu`, `memory`, `gpu`.
    """

    name = "local"

    def check(self, workflow: Workflow, root: Path) -> tuple[str, ...]:
        """Refuse a step that asks for more than the machine has, and volumes that it lacks."""
        admission.validate_limits(workflow, admission.machine(self.settings))
        if not workflow.volumes:
            return ()
        from ithaca.runner import volumes  # few notebooks have any

        return volumes.check(workflow, root)

    def session(self, home: Path, store: Documents) -> LocalSession:  # noqa: ARG002
        """Reach the runs whose store is in `home`."""
        return LocalSession(home)

    def doctor(self, root: Path, home: Path, tell: Callable[[str], None]) -> Iterator[Check]:
        """Look at what this machine has, and whether runs can be kept here."""
        from ithaca.backends.local.doctor import examine

        return examine(self.settings, root, home, tell)


class LocalSession(Session):
    """Starts supervisors and finds out whether they live.

    Args:
        home: The folder that holds the store.
    """

    def __init__(self, home: Path) -> None:
        self.home = home

    def submit(self, run_id: str) -> None:
        """Start a supervisor in a session of its own."""
        held = self._hold(work.lock_path(self.home, run_id))
        try:
            with self.log(run_id).open("ab") as log:
                subprocess.Popen(
                    [
                        sys.executable,
                        "-P",
                        "-m",
                        "ithaca.backends.local.supervisor",
                        str(self.home),
                        run_id,
                        str(held),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(held,),
                    start_new_session=True,
                )
        except OSError as error:
            raise BackendError("ITH624", f"the supervisor cannot be started: {error}") from None
        finally:
            os.close(held)

    def alive(self, run_id: str) -> bool:
        """Whether the run's supervisor lives, or is just being started."""
        path = work.lock_path(self.home, run_id)
        if path.exists():
            return lock.is_held(path)
        return time.time() - ULID.from_str(run_id).timestamp < SUBMISSION

    def wake(self, run_id: str) -> None:
        """Wake the supervisor; it looks by itself a moment later anyway."""
        owner = lock.owner(work.lock_path(self.home, run_id))
        if owner is not None:
            try:
                os.kill(owner, signal.SIGUSR1)
            except (ProcessLookupError, PermissionError):
                return

    def log(self, run_id: str) -> Path:
        """What the supervisor says; it is empty unless something is wrong with Ithaca."""
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
