"""The cells of a step: restore their files, run them through papermill, take what they left."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.errors import NotFound, StoreError
from ithaca.kernel.ithaca_kernel.reporting import REPORTS
from ithaca.model.run import StepError
from ithaca.records import names
from ithaca.records.ends import out_of_memory
from ithaca.runner import failure, kernel, notebook, overlay, processes, secrets, volumes
from ithaca.runner import root as roots
from ithaca.runner.recording import Recording
from ithaca.store import Ignore, StatCache, restore, take

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.model.workflow import Step, Workflow
    from ithaca.runner.environment import Environment
    from ithaca.runner.interruption import Interruption
    from ithaca.runner.notebook import Place
    from ithaca.runner.root import View
    from ithaca.runner.task import Task
    from ithaca.store import Store

VOLUME = ".ithaca-volume"
_START_TIMEOUT = 300
"""Seconds to wait for a kernel that neither responds nor dies."""


class Failed(Exception):
    """The step failed, with an error that is already worded."""

    def __init__(self, error: StepError, *, retryable: bool = True) -> None:
        super().__init__(error.message)
        self.error = error
        self.retryable = retryable


@dataclass(frozen=True)
class Outcome:
    """The results of a step's cells.

    Attributes:
        after: Digest of the after snapshot.
        metrics: Name to number.
        notices: Notices for the user.
    """

    after: str
    metrics: dict[str, float]
    notices: tuple[str, ...]


class Cells:
    """The cells of one attempt.

    Args:
        task: The attempt.
        store: The store.
        workflow: The workflow.
        step: The step.
        interruption: What ends it from outside.

    Attributes:
        secrets: Value of each of the step's secret environment variables.
        declared: Value of each secret of any step that is set here.
        recording: What is recorded while they run.
        kills: How many processes had been killed for lack of memory before.
    """

    def __init__(
        self, task: Task, store: Store, workflow: Workflow, step: Step, interruption: Interruption
    ) -> None:
        self.task, self.store, self.workflow, self.step = task, store, workflow, step
        self.interruption = interruption
        self.secrets = {each.env: os.environ.get(each.env) for each in step.secrets}
        self.declared = secrets.declared(workflow)
        self.recording = Recording(store, task, step, (*self.declared.values(), *task.masked))
        self.kills = processes.out_of_memory_kills()

    @property
    def folder(self) -> Path:
        """The step's folder."""
        return Path(self.task.folder or Path(self.task.work) / "root").absolute()

    def run(self, before: str, environment: Environment) -> Outcome:
        """Run the cells.

        Args:
            before: Digest of the snapshot to start from.
            environment: The kernel's interpreter.

        Raises:
            Failed: A cell failed, or the kernel died.
            Interrupted: The attempt was ended from outside.
            StoreError: The store or the step's folder cannot be used.
        """
        cache = StatCache()
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        own = volumes.left_out(self.workflow, Path(self.task.root))
        restore(self.store, before, self.folder, cache=cache, keep=self._mounted(own))
        (self.folder / VOLUME).mkdir(exist_ok=True)
        source = self._write_notebook()
        overlay.write(self.folder, environment)
        self.recording.is_there = self._is_there
        with kernel.runtime_folder() as runtime:
            kernel.write_library(runtime, self.step)
            self.recording.reports.path = runtime / REPORTS
            root = Path(self.task.root)
            view = roots.choose(root, self.folder, environment, runtime, mounts=self.task.mounts)
            self._check_mounts(view)
            with roots.mount_points(view):
                report = self._execute(view, environment, runtime)
        overlay.remove(self.folder, environment)
        self._remove_notebook(source)
        ignore = Ignore.read(self.folder, extra=own)
        leak = secrets.find(self.folder, self.declared, ignore=ignore, cache=cache)
        if leak is not None:
            raise Failed(leak, retryable=False)
        taken = take(self.store, self.folder, ignore=ignore, cache=cache)
        return Outcome(
            after=taken.digest,
            metrics=report.get("metrics") or {},
            notices=(*report.get("notices", ()), *taken.notices, *_left_out(taken.ignored)),
        )

    def _mounted(self, own: Sequence[str]) -> Ignore | None:
        """What a restore does not touch: volumes that the engine mounted in the step's folder."""
        return Ignore.read(self.folder, extra=own) if self.task.folder and own else None

    def _check_mounts(self, view: View) -> None:
        outside = [target for _, target, _ in view.mounts if target.startswith("/")]
        if outside and not view.private:
            raise Failed(failure.not_mounted(outside), retryable=False)

    def _execute(self, view: View, environment: Environment, runtime: Path) -> dict[str, Any]:
        """Run the step's notebook in a kernel; returns the report of `ithaca_kernel`."""
        folder = str(Path(self.task.notebook).parent)
        (self.folder / folder).mkdir(parents=True, exist_ok=True)
        env = kernel.variables(
            view=view,
            environment=environment,
            runtime=runtime,
            step_file=self._write_step_file(view, runtime),
            hidden=secrets.foreign(self.workflow, self.step),
            extra={**self.step.env, **{name: str(value) for name, value in self.secrets.items()}},
        )
        with self.interruption.held():
            running = kernel.start(view=view, runtime=runtime, folder=folder, env=env)
            error: BaseException | None = None
            try:
                with self.interruption.running(running.group):
                    error = self._papermill(running, runtime)
            finally:
                status = running.exit_status()
                running.stop(gently=error is None and self.recording.failure is None)
                self.recording.reports.finish()
        report = _read_report(runtime / "report.json")
        self._check(error, status, running.output(), report)
        return report

    def _papermill(self, running: kernel.StepKernel, runtime: Path) -> BaseException | None:
        """Execute the notebook; returns what stopped it, except exceptions of cells."""
        from papermill.engines import papermill_engines
        from papermill.exceptions import PapermillExecutionError
        from papermill.execute import execute_notebook

        from ithaca.runner.engine import IthacaEngine

        logging.getLogger("papermill").setLevel(logging.CRITICAL)
        # For copies of Ithaca without installed entry points.
        papermill_engines.register("ithaca", IthacaEngine)
        path = runtime / "step.ipynb"
        path.write_text(json.dumps(notebook.build(self.workflow, self.step)), encoding="utf-8")
        try:
            execute_notebook(
                str(path).replace("{", "{{").replace("}", "}}"),  # papermill formats paths
                None,
                parameters={name: self.task.arguments[name] for name in self.step.parameters},
                engine_name="ithaca",
                km=running.manager,
                watcher=self.recording,
                progress_bar=False,
                start_timeout=_START_TIMEOUT,
            )
        except PapermillExecutionError:
            return None  # it is in the recording
        except Exception as error:  # a dead kernel raises different errors
            return error
        finally:
            self._keep_notebook()
        return None

    def _keep_notebook(self) -> None:
        try:
            self.recording.write_notebook()
        except StoreError:  # the disk is full: the failed cell reports it
            if self.recording.failure is None:
                raise

    def _check(
        self, error: BaseException | None, status: int | None, output: str, report: dict[str, Any]
    ) -> None:
        """Raise what went wrong, if anything did."""
        self.interruption.check()
        place, failed = self.recording.place, self.recording.failure
        if not self._is_there():
            raise Failed(failure.deleted(place))
        if failed is not None:
            raise Failed(failure.raised(*failed, report, python=self.task.python))
        if error is None:
            return
        if failure.is_full(error) or (status is None and not failure.is_death(error)):
            raise error
        self.recording.log.write(f"{output}\n" if output else "", always=True)
        if place is None:
            raise Failed(failure.not_started(output))
        raise Failed(self._death(place, status, output))

    def _death(self, place: Place, status: int | None, output: str) -> StepError:
        if processes.out_of_memory_kills() <= self.kills:
            return failure.died(place, status, output)
        code = place.code
        return out_of_memory(
            self.task.memory, code.cell if code else None, code.notebook if code else ""
        )

    def _is_there(self) -> bool:
        """Whether the step's working directory and Ithaca's folder still exist.

        Saving creates the folder of values again, so the overlay is what is checked.
        """
        working = self.folder / Path(self.task.notebook).parent
        return overlay.is_there(self.folder) and working.is_dir()

    def _write_step_file(self, view: View, runtime: Path) -> Path:
        metrics = {
            metric.name: metric.variable
            for metric in self.workflow.metrics
            if metric.step == self.step.name
        }
        content = {
            "name": self.step.name,
            "root": view.seen,
            "volume": str(Path(view.seen) / VOLUME),
            "reads": self.step.reads,
            "writes": self.step.writes,
            "parameters": self.step.parameters,
            "definitions": notebook.definitions(self.step),
            "metrics": metrics,
            "read_later": read_later(self.workflow, self.step.name),
            "report": str(runtime / "report.json"),
            "private_root": view.private,
            "secrets": sorted(self.declared),
            "last": not any(self.step.name in each.needs for each in self.workflow.steps),
        }
        step_file = runtime / "step.json"
        step_file.write_bytes(msgspec.json.encode(content))
        return step_file

    def _write_notebook(self) -> bytes | None:
        """Write the submitted notebook to its place, for code that reads it."""
        target = self.folder / self.task.notebook
        try:
            data = self.store.read(names.run(self.task.run, "notebook"))
        except NotFound:
            return None
        if target.exists():
            return None
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return data

    def _remove_notebook(self, data: bytes | None) -> None:
        """Remove the notebook, unless the step changed it."""
        target = self.folder / self.task.notebook
        if data is not None and target.is_file() and target.read_bytes() == data:
            target.unlink()


def read_later(workflow: Workflow, name: str) -> list[str]:
    """Names that steps after this one read, sorted."""
    return sorted(
        {
            read
            for later in workflow.steps
            if name in workflow.ancestors(later.name)
            for read in later.reads
        }
    )


def _left_out(ignored: Sequence[str], most: int = 5) -> tuple[str, ...]:
    """A notice of files that the step made and that are not in its snapshot."""
    found = [path for path in ignored if PurePosixPath(path).name != ".cache"]
    if not found:
        return ()
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return (
        f"files left out of the snapshot, so later steps do not see them: "
        f"{', '.join(found[:most])}{more} (a line `!PATH` in `.ithacaignore` includes a file)",
    )


def _read_report(path: Path) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return report
