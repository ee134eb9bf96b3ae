"""The process that owns a local run: `python -m ithaca.backends.local.supervisor HOME RUN LOCK`.

Its only state besides the store is the processes that it started: what it does next follows from
the run's documents. It sleeps until a runner ends, a signal announces an event, or a short time
has passed.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from ithaca.backends.local import admission, lock, schedule
from ithaca.backends.local.attempt import Attempt, end_of, start
from ithaca.backends.local.ledger import Claim, Ledger
from ithaca.backends.local.session import LocalSession
from ithaca.backends.local.work import Remover, run_folder, sweep
from ithaca.errors import IthacaError
from ithaca.model.run import AttemptEnd, Event
from ithaca.planning.keys import lookup, reuse_filter, step_key
from ithaca.planning.reused import write_planned, write_reused
from ithaca.records import names
from ithaca.records.fold import decision
from ithaca.records.journal import Journal
from ithaca.runner import failure
from ithaca.runner.task import Task
from ithaca.runner.volumes import mounts
from ithaca.settings import load as load_settings
from ithaca.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.backends.local.schedule import Move
    from ithaca.records.fold import RunState

POLL = 0.2
"""Seconds between two reads of the run's events when nothing wakes the supervisor."""

OVERDUE = 30.0
"""Seconds after a step's time limit at which a runner that ignored it is killed."""

GRACE = 5.0
"""Seconds that a runner has to end its kernel before it is killed."""


class Supervisor:
    """Runs one run.

    Args:
        home: The folder that holds the store.
        run_id: The run.
        sleep: Waits until something may have happened.
        clock: Tells the time in seconds, from any start.
    """

    def __init__(
        self,
        home: Path,
        run_id: str,
        sleep: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.home = home
        self.store = LocalStore.open(home / "store")
        self.journal = Journal(self.store, run_id)
        self.run = self.journal.run()
        self.workflow = self.journal.workflow()
        settings = load_settings(Path(self.run.root))
        self.machine = admission.machine(settings.table("local"))
        self.reuse_filter = reuse_filter(self.store, self.run.reuse_ignore, cache=home / "cache")
        self.running: dict[str, Attempt] = {}
        self.ledger = Ledger()
        self.remover = Remover(home)
        self.sleep, self.clock = sleep, clock

    def supervise(self) -> None:
        """Run the plan's steps, then write how the run ended."""
        write_planned(self.journal)
        while True:
            self._kill_overdue()
            self._collect(cancelled=False)
            events = self.journal.events()
            if any(event.kind == "cancel" for event in events):
                self._cancel(events)
                return
            state = self.journal.state()
            ready = schedule.moves(self.workflow, state, events)
            ready = [move for move in ready if move.step.name not in self.running]
            if not ready and not self.running:
                self.journal.end(*schedule.outcome(state))
                return
            changed = False
            for move in ready:
                changed |= self._advance(move, state)
            if not changed:
                self.sleep()

    def _advance(self, move: Move, state: RunState) -> bool:
        """Reuse, reject or start a ready step; True when a document was written."""
        if move.answer == "reject":
            self._write_end(_rejected(move, self.journal.events()))
            return True
        if move.attempt == 1 and self._reuse(move, state):
            return True
        if move.answer == "open" or len(self.running) >= max(1, self.run.parallel):
            return False
        asked = admission.request(move.step, self.machine)
        claim = Claim(run=self.run.id, step=move.step.name, **asdict(asked))
        held = self.ledger.claim(claim, self.machine)
        if held is None:
            return False
        attempt = start(self._task(move, state), held)
        if move.step.timeout is not None:
            attempt.last = self.clock() + move.step.timeout + OVERDUE
        self.running[move.step.name] = attempt
        return False

    def _task(self, move: Move, state: RunState) -> Task:
        step, run = move.step, self.run
        return Task.of(
            run,
            store=str(self.store.path),
            step=step.name,
            attempt=move.attempt,
            parents=tuple(str(state.step(name).execution) for name in step.needs),
            root=run.root,
            work=str(run_folder(self.home, run.id) / step.name / str(move.attempt)),
            python=run.python,
            environment=run.environment,
            mounts=mounts(self.workflow, Path(run.root)),
        )

    def _reuse(self, move: Move, state: RunState) -> bool:
        """Reuse a known execution for a step whose parents have ended, without a runner."""
        if not (self.run.reuse and move.step.cache):
            return False
        parents = [str(state.step(name).after) for name in move.step.needs] or [self.run.source]
        key = step_key(
            self.workflow,
            move.step,
            arguments=self.run.arguments,
            environment=self.run.environment,
            parents=parents,
            reuse_filter=self.reuse_filter,
        )
        known = lookup(self.store, key)
        return known is not None and write_reused(self.journal, move.step.name, known)

    def _write_end(self, end: AttemptEnd) -> None:
        self.journal.create(names.attempt(self.run.id, end.step, end.attempt, "end"), end)

    def _collect(self, *, cancelled: bool) -> None:
        """Collect the runners that have ended."""
        for step, attempt in list(self.running.items()):
            if not attempt.has_ended():
                continue
            del self.running[step]
            attempt.claim.release()
            self.remover.remove(Path(attempt.task.work))
            if self.journal.attempt_end(step, attempt.task.attempt) is None:
                self.remover.finish()  # its files may be what filled the disk
                limit = self.workflow.step(step).timeout
                self._write_end(end_of(attempt, cancelled=cancelled, limit=limit))

    def _kill_overdue(self) -> None:
        now = self.clock()
        for attempt in self.running.values():
            if attempt.last is not None and now > attempt.last and not attempt.has_ended():
                attempt.overdue = True
                attempt.kill()

    def _cancel(self, events: list[Event]) -> None:
        for attempt in self.running.values():
            attempt.ask_to_end()
        last = time.monotonic() + GRACE
        while self.running and time.monotonic() < last:
            self.sleep()
            self._collect(cancelled=True)
        for attempt in self.running.values():
            attempt.kill()
        self._collect(cancelled=True)
        by = next(event.by for event in events if event.kind == "cancel")
        self.journal.end("cancelled", f"cancelled by {by}")

    def leave(self) -> None:
        """End what still runs and remove the run's folders."""
        for attempt in self.running.values():
            attempt.kill()
        self.remover.remove(run_folder(self.home, self.run.id))
        self.remover.finish()
        sweep(self.home)
        log = LocalSession(self.home).log(self.run.id)
        if log.exists() and not log.stat().st_size:
            log.unlink()


def _rejected(move: Move, events: list[Event]) -> AttemptEnd:
    answer = decision(move.step.name, events)
    who, why = (answer.by, answer.comment) if answer else ("a person", "")
    return AttemptEnd(
        step=move.step.name,
        attempt=move.attempt,
        ended=time.time(),
        status="failed",
        retryable=False,
        error=failure.rejected(move.step.approval or "", who, why),
    )


def _sleeper() -> Callable[[], None]:
    """A sleep that ends early when a child ends or SIGUSR1 arrives."""
    heard, wake = os.pipe()
    for each in (heard, wake):
        os.set_blocking(each, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGUSR1):
        signal.signal(number, lambda *_: None)

    def sleep() -> None:
        if select.select([heard], [], [], POLL)[0]:
            os.read(heard, 4096)

    return sleep


def main(arguments: list[str]) -> int:
    """Own a run until it has ended.

    Args:
        arguments: Home, run id and the number of the inherited open lock file.
    """
    home, run_id, held = Path(arguments[0]), arguments[1], int(arguments[2])
    os.set_inheritable(held, False)
    try:
        supervisor = Supervisor(home, run_id, _sleeper())
    except Exception as error:  # such as settings that were edited after the submission
        if not isinstance(error, IthacaError):
            traceback.print_exc()
        message = str(error).partition(": ")[2] or f"{type(error).__name__}: {error}"
        journal = Journal(LocalStore.open(home / "store"), run_id)
        journal.end("failed", f"it could not start: {message}")
        return 1
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # terminals come and go
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.journal.ask("cancel") and None)
    lock.write_owner(held)
    try:
        supervisor.supervise()
    except BaseException as error:
        traceback.print_exc()
        supervisor.journal.end("failed", f"the supervisor failed: {type(error).__name__}: {error}")
        return 1
    finally:
        supervisor.leave()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
