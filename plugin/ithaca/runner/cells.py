"""The cells of a step: restored, run through papermill, and what they left taken."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.errors import NotFound, StoreError
from ithaca.model.run import StepError
from ithaca.records import names
from ithaca.records.ends import out_of_memory
from ithaca.runner import failure, kernel, memory, notebook, overlay, secrets, volumes
from ithaca.runner import root as roots
from ithaca.store import Ignore, StatCache, restore, take

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ithaca.model.workflow import Step, Workflow
    from ithaca.runner.environment import Environment
    from ithaca.runner.interruption import Interruption
    from ithaca.runner.notebook import Place
    from ithaca.runner.recording import Recording
    from ithaca.runner.root import View
    from ithaca.runner.task import Task
    from ithaca.store import Store

VOLUME = ".ithaca-volume"
_START_TIMEOUT = 300
"""Seconds until a kernel that neither answers nor dies is given up."""


class Failed(Exception):
    """The step failed for a reason that is already put into words."""

    def __init__(self, error: StepError, *, retryable: bool = True) -> None:
        super().__init__(error.message)
        self.error = error
        self.retryable = retryable


@dataclass(frozen=True)
class Outcome:
    """What a step's cells left.

    Attributes:
        after: Digest of the after snapshot.
        metrics: Name to number.
        notices: What the user should know.
    """

    after: str
    metrics: dict[str, float]
    notices: tuple[str, ...]


@dataclass(frozen=True)
class Cells:
    """The cells of one attempt.

    Attributes:
        task: The attempt.
        store: The store.
        workflow: The workflow.
        step: The step.
        interruption: What may end it from outside.
        recording: What is written down meanwhile.
        secrets: Value of each of the step's secret environment variables.
        declared: Value of each secret of any step that is known here.
        kills: How many processes had been killed for want of memory before.
    """

    task: Task
    store: Store
    workflow: Workflow
    step: Step
    interruption: Interruption
    recording: Recording
    secrets: Mapping[str, str | None]
    declared: Mapping[str, str]
    kills: int = field(default_factory=memory.kills)

    @property
    def folder(self) -> Path:
        """The step's folder."""
        return Path(self.task.folder or Path(self.task.work) / "root").absolute()

    def run(self, before: str, environment: Environment) -> Outcome:
        """Run them.

        Args:
            before: Digest of the snapshot that they start from.
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
            kernel.write_library(runtime)
            root = Path(self.task.root)
            view = roots.choose(root, self.folder, environment, runtime, mounts=self.task.mounts)
            self._refuse_what_is_not_mounted(view)
            with roots.mount_points(view):
                report = self._execute(view, environment, runtime)
        overlay.remove(self.folder, environment)
        self._remove_notebook(source)
        ignore = Ignore.read(self.folder, extra=own)
        told = secrets.find(self.folder, self.declared, ignore=ignore, cache=cache)
        if told is not None:
            raise Failed(told, retryable=False)
        taken = take(self.store, self.folder, ignore=ignore, cache=cache)
        return Outcome(
            after=taken.digest,
            metrics=report.get("metrics") or {},
            notices=(*report.get("notices", ()), *taken.notices, *_not_seen(taken.ignored)),
        )

    def _mounted(self, own: Sequence[str]) -> Ignore | None:
        """What a restore leaves alone: volumes that the engine has mounted in the step's folder."""
        return Ignore.read(self.folder, extra=own) if self.task.folder and own else None

    def _refuse_what_is_not_mounted(self, view: View) -> None:
        outside = [target for _, target, _ in view.mounts if target.startswith("/")]
        if outside and not view.private:
            raise Failed(failure.not_mounted(outside), retryable=False)

    def _execute(self, view: View, environment: Environment, runtime: Path) -> dict[str, Any]:
        """Run the step's notebook in a kernel; returns the report of Ithaca's side of it."""
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
        report = _read_report(runtime / "report.json")
        self._judge(error, status, running.said(), report)
        return report

    def _papermill(self, running: kernel.StepKernel, runtime: Path) -> BaseException | None:
        """Execute the notebook; returns what stopped it, when that was no exception of a cell."""
        from papermill.engines import papermill_engines
        from papermill.exceptions import PapermillExecutionError
        from papermill.execute import execute_notebook

        from ithaca.runner.engine import IthacaEngine

        logging.getLogger("papermill").setLevel(logging.CRITICAL)
        # Also where Ithaca is a copied folder and its entry points are not installed.
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
            return None  # the recording knows
        except Exception as error:  # a dead kernel has several faces
            return error
        finally:
            self._keep_notebook()
        return None

    def _keep_notebook(self) -> None:
        try:
            self.recording.write_notebook()
        except StoreError:  # the disk is full: the cell that failed before this says so
            if self.recording.failure is None:
                raise

    def _judge(
        self, error: BaseException | None, status: int | None, said: str, report: dict[str, Any]
    ) -> None:
        """Raise what went wrong, if anything."""
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
        self.recording.log.write(f"{said}\n" if said else "", always=True)
        if place is None:
            raise Failed(failure.not_started(said))
        raise Failed(self._death(place, status, said))

    def _death(self, place: Place, status: int | None, said: str) -> StepError:
        if memory.kills() <= self.kills:
            return failure.died(place, status, said)
        code = place.code
        return out_of_memory(
            self.task.memory, code.cell if code else None, code.notebook if code else ""
        )

    def _is_there(self) -> bool:
        """Whether the step left its working directory and Ithaca's folder where they were.

        What saving writes anew would hide that the values of the steps before are gone, so it is
        the overlay that tells.
        """
        working = self.folder / Path(self.task.notebook).parent
        return overlay.is_there(self.folder) and working.is_dir()

    def _write_step_file(self, view: View, runtime: Path) -> Path:
        metrics = {
            metric.name: metric.variable
            for metric in self.workflow.metrics
            if metric.step == self.step.name
        }
        told = {
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
            "tracked": False,
        }
        step_file = runtime / "step.json"
        step_file.write_bytes(msgspec.json.encode(told))
        return step_file

    def _write_notebook(self) -> bytes | None:
        """Put the submitted notebook in its place, for code that reads it."""
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
        """Take the notebook away again, unless the step changed it."""
        target = self.folder / self.task.notebook
        if data is not None and target.is_file() and target.read_bytes() == data:
            target.unlink()


def read_later(workflow: Workflow, name: str) -> list[str]:
    """Names that a step after this one reads, sorted."""
    return sorted(
        {
            read
            for later in workflow.steps
            if name in workflow.ancestors(later.name)
            for read in later.reads
        }
    )


def _not_seen(ignored: Sequence[str], most: int = 5) -> tuple[str, ...]:
    """What the user should know of files that the step made and no snapshot takes."""
    found = [path for path in ignored if PurePosixPath(path).name != ".cache"]
    if not found:
        return ()
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return (
        f"these files are left out and no later step sees them: {', '.join(found[:most])}{more} "
        "(a line `!PATH` in `.ithacaignore` takes one in)",
    )


def _read_report(path: Path) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return report
