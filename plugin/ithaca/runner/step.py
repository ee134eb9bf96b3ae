"""One attempt of a step, from its parents' executions to its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.compiling.load import from_json
from ithaca.errors import IthacaError, MergeConflict, NotFound, StoreError, UsageError
from ithaca.model.run import AttemptEnd, Execution, StepError
from ithaca.planning.keys import lookup, publish, reuse_filter, step_key
from ithaca.records import names
from ithaca.records.journal import Journal
from ithaca.runner import failure
from ithaca.runner.cells import Cells, Failed, read_later
from ithaca.runner.environment import check_usable, describe
from ithaca.runner.interruption import Interrupted, Interruption
from ithaca.runner.log import mask
from ithaca.store import LocalStore, Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.model.run import EndStatus
    from ithaca.runner.environment import Environment
    from ithaca.runner.task import Task

_ROOM = 128 << 20
"""Bytes that a log, a notebook and an end may need at most."""


def execute(
    task: Task,
    *,
    store: Store | None = None,
    cancelled: Callable[[], bool] | None = None,
    restore: Callable[[], None] | None = None,
) -> AttemptEnd:
    """Execute one attempt of a step, and record how it ended.

    Every failure of the step is recorded; none is raised.

    Args:
        task: The attempt.
        store: The store, when it is not the local one at the task's path.
        cancelled: Whether the run was cancelled; called on SIGTERM, where machines send it too.
            Without it, SIGTERM always cancels.
        restore: Restores the task's environment; not called for a step that is reused.

    Returns:
        How it ended, as recorded.

    Raises:
        StoreError: The record could not be written.
    """
    store = store or LocalStore.open(Path(task.store))
    journal = Journal(store, task.run)
    writer = task.writer or f"{socket.gethostname()}:{os.getpid()}"
    journal.start_attempt(task.step, task.attempt, writer=writer, memory=task.memory)
    workflow = from_json(store.get(task.workflow), where=f"document {task.workflow[:12]}")
    step = workflow.step(task.step)
    interruption = Interruption(timeout=step.timeout, owner_fd=task.owner_fd)
    attempt = _Attempt(Cells(task, store, workflow, step, interruption), cancelled, restore)
    with interruption.installed():
        end = attempt.end()
        try:
            journal.end_attempt(end)
        except StoreError:  # perhaps a quota, which the free space does not show
            shutil.rmtree(task.work, ignore_errors=True)
            journal.end_attempt(end)
    return end


class _Attempt:
    """The parts of an attempt, and its results so far."""

    def __init__(
        self,
        cells: Cells,
        cancelled: Callable[[], bool] | None,
        restore: Callable[[], None] | None,
    ) -> None:
        self.cells, self.cancelled, self.restore = cells, cancelled, restore
        self.task, self.store = cells.task, cells.store
        self.workflow, self.step = cells.workflow, cells.step
        self.interruption, self.recording = cells.interruption, cells.recording
        self.notices: list[str] = [*cells.task.notices]
        self.known: dict[str, Any] = {}

    def end(self) -> AttemptEnd:
        """Run the attempt and return its end."""
        try:
            status = self._run()
        except Interrupted as interrupted:
            return self._interrupted(interrupted)
        except Failed as failed:
            if self.interruption.reason is not None:
                return self._interrupted(Interrupted(self.interruption.reason))
            return self._ended("failed", error=failed.error, retryable=failed.retryable)
        except (MergeConflict, UsageError) as error:  # another attempt would fail in the same way
            return self._ended("failed", error=failure.of(error), retryable=False)
        except Exception as error:
            if not isinstance(error, (IthacaError, OSError)):
                self.recording.log.write(traceback.format_exc(), always=True)
            return self._ended(
                "failed", error=failure.of(error), infrastructure=failure.is_machine(error)
            )
        return self._ended(status)

    def _run(self) -> EndStatus:
        parents = [self._execution(digest) for digest in self.task.parents]
        if self.restore is not None:
            if self._reuse(self._key(self.task.environment, parents)):
                return "reused"
            self.restore()
        environment = self._environment()
        key = self._key(environment.identity, parents)
        if self._reuse(key):
            return "reused"
        missing = [name for name, value in self.cells.secrets.items() if value is None]
        if missing:
            raise Failed(_secret_missing(missing), retryable=False)
        before = self._before(parents)
        self.known["before"] = before
        outcome = self.cells.run(before, environment)
        self.notices += outcome.notices
        with self.interruption.held():
            self._publish(key, before, outcome.after, outcome.metrics)
            self.interruption.close()
        return "succeeded"

    def _key(self, environment: str, parents: list[Execution]) -> str:
        key = step_key(
            self.workflow,
            self.step,
            arguments=self.task.arguments,
            environment=environment,
            parents=[parent.after for parent in parents] or [self.task.source],
            reuse_filter=reuse_filter(self.store, self.task.reuse_ignore, cache=self._cache),
        )
        self.known["key"] = key
        return key

    # What the attempt starts from

    @property
    def _cache(self) -> Path:
        return self.store.path.parent / "cache"

    def _environment(self) -> Environment:
        environment = describe(self.task.python, cache=self._cache)
        check_usable(environment)
        self._record_packages(environment)
        if self.task.environment and environment.identity != self.task.environment:
            self.notices.append(
                f"the packages of {environment.executable} changed after the run was planned"
            )
        return environment

    def _record_packages(self, environment: Environment) -> None:
        """Record the versions once for each environment, for explanations."""
        name = names.packages(environment.identity)
        if not self.store.exists(name):
            versions = {each.name: each.version for each in environment.distributions}
            self.store.create(name, msgspec.json.encode(versions))

    def _execution(self, digest: str) -> Execution:
        return msgspec.json.decode(self.store.get(digest), type=Execution)

    def _reuse(self, key: str) -> bool:
        if not (self.task.reuse and self.step.cache):
            return False
        known = lookup(self.store, key)
        if known is None:
            return False
        try:
            execution = self._execution(known.execution)
        except NotFound:  # garbage-collected: the step must run
            return False
        self.known.update(
            execution=known.execution,
            before=execution.before,
            after=execution.after,
            metrics=known.metrics,
            reused_from=known.run,
        )
        return True

    def _before(self, parents: list[Execution]) -> str:
        if not parents:
            return self.task.source
        if len(parents) == 1:
            return parents[0].after

        from ithaca.store import MergeNode, MergeRules, merge  # only joins need them

        def load(digest: str) -> MergeNode:
            return msgspec.json.decode(self.store.get(digest), type=MergeNode)

        merged = merge(
            self.store,
            self.task.parents,
            load=load,
            rules=MergeRules.of(
                self.task.merge_rules, order=[step.name for step in self.workflow.steps]
            ),
            read_later={*self.step.reads, *read_later(self.workflow, self.step.name)},
        )
        self.notices += merged.notices
        return merged.digest

    # The end

    def _publish(self, key: str, before: str, after: str, metrics: dict[str, float]) -> None:
        execution = Execution(
            step=self.step.name, key=key, before=before, after=after, parents=self.task.parents
        )
        self.store.share([before, after])
        digest = self.store.put(msgspec.json.encode(execution, order="deterministic"))
        self.known.update(execution=digest, after=after, metrics=metrics)
        first = publish(self.store, key, digest, self.task.run, metrics)
        if first.execution != digest and self.task.reuse and self.step.cache:
            # Another run was faster: both continue from its result, so later steps are shared.
            winner = self._execution(first.execution)
            self.known.update(execution=first.execution, before=winner.before, after=winner.after)
            self.known.update(metrics=first.metrics)

    def _interrupted(self, interrupted: Interrupted) -> AttemptEnd:
        if interrupted.reason == "cancelled":
            self.interruption.close()
            if self.cancelled is not None and not self.cancelled():
                if self.task.ends is not None and time.time() > self.task.ends:
                    error = failure.run_timed_out(self.recording.place, self.task.deadline or 0)
                    return self._ended("timed_out", error=error, retryable=False)
                return self._ended("failed", error=failure.terminated(), infrastructure=True)
            return self._ended("cancelled", retryable=False)
        error = failure.timed_out(self.recording.place, self.step.timeout or 0)
        return self._ended("timed_out", error=error)

    def _ended(
        self,
        status: EndStatus,
        *,
        error: StepError | None = None,
        retryable: bool = True,
        infrastructure: bool = False,
    ) -> AttemptEnd:
        self.interruption.close()
        if error is not None:
            self._make_room()
            error = self._masked(error)
            place = f"{error.place}: " if error.place else ""
            cure = f"\n  → {error.cure}" if error.cure else ""
            self.recording.log.write(f"{error.code}: {place}{error.message}{cure}\n", always=True)
        self.recording.log.close()
        return AttemptEnd(
            step=self.step.name,
            attempt=self.task.attempt,
            ended=time.time(),
            status=status,
            error=error,
            retryable=retryable,
            infrastructure=infrastructure,
            notices=tuple(self.notices),
            **self.known,
        )

    def _make_room(self) -> None:
        """Delete the folder of a failed step that filled the disk: its end must be written."""
        disk = os.statvfs(self.store.path)
        if disk.f_bavail * disk.f_frsize < _ROOM:
            shutil.rmtree(self.task.work, ignore_errors=True)
            with contextlib.suppress(StoreError):
                self.recording.write_notebook()

    def _masked(self, error: StepError) -> StepError:
        hidden = self.recording.log.secrets
        return msgspec.structs.replace(
            error, message=mask(error.message, hidden), value=mask(error.value, hidden)
        )


def _secret_missing(missing: list[str]) -> StepError:
    several = "s" if len(missing) > 1 else ""
    return StepError(
        code="ITH508",
        message=f"the environment variable{several} {', '.join(missing)} of the step's "
        f"secret{several} {'are' if several else 'is'} not set",
        cure="set it in the environment from which you call `ithaca run`",
    )
