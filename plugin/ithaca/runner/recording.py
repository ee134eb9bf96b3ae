"""What an attempt records while its cells run: log, progress, notebook."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.errors import StoreError
from ithaca.model.run import Progress
from ithaca.records import names
from ithaca.runner import notebook
from ithaca.runner.log import StepLog, mask
from ithaca.runner.outputs import plain
from ithaca.runner.reports import StepReports

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.model.workflow import Step
    from ithaca.runner.notebook import Place
    from ithaca.runner.task import Task
    from ithaca.store import Store

_PROGRESS_EVERY = 0.25


class FolderGone(Exception):
    """A cell deleted the folder in which the step runs: no further cell is run."""


class Recording:
    """The engine's watcher for one attempt.

    It writes hints for views, so a store that fails does not stop the step; results are written at
    the end, and fail there.

    Args:
        store: The store.
        task: The attempt.
        step: The step.
        secrets: Values to mask.

    Attributes:
        is_there: Whether the step's folder still exists; called before each cell.
        place: Where the running cell comes from.
        reports: What the step reports with `ithaca.report`.
        failure: Place, execution count and reply of the cell that failed.
    """

    def __init__(self, store: Store, task: Task, step: Step, secrets: tuple[str, ...]) -> None:
        self.is_there: Callable[[], bool] = lambda: True
        self.place: Place | None = None
        self.failure: tuple[Place, int | None, dict[str, Any]] | None = None
        self.log = StepLog(store, task.run, task.step, task.attempt, secrets)
        self.reports = StepReports(store, task)
        self._store, self._task, self._step = store, task, step
        self._cells = sum(1 for code in step.code if code.kind == "user")
        self._cell = 0
        self._announced = True
        self._next_progress = 0.0
        self._notebook: Any = None

    def cell(self, _index: int, cell: Any) -> None:
        """A cell starts; raises `FolderGone` when an earlier cell deleted the step's folder."""
        if not self.is_there():
            raise FolderGone
        self.place = notebook.place(self._step, cell)
        if self.place.code is None or self.place.role != "user":
            return
        self._cell += 1
        self._announced = False
        now = time.monotonic()
        if now >= self._next_progress:
            self._next_progress = now + _PROGRESS_EVERY
            self._progress(self.place.code.cell)

    def text(self, text: str) -> None:
        """A cell printed."""
        if not self._announced and self.place is not None and self.place.code is not None:
            self.log.write(f"--- cell {self.place.code.cell}\n")
            self._announced = True
        self.log.write(text)
        self.tick()

    def tick(self) -> None:
        """Called regularly."""
        with contextlib.suppress(StoreError):
            self.log.tick()
            self.reports.tick()

    def save(self, executed: Any) -> None:
        """Save the notebook with its outputs so far."""
        self._notebook = executed
        with contextlib.suppress(StoreError):
            self.write_notebook()

    def failed(self, _index: int, cell: Any, content: dict[str, Any]) -> None:
        """A cell failed."""
        place = notebook.place(self._step, cell)
        self.failure = (place, cell.get("execution_count"), content)
        if content.get("ename") == "ValueProblem":
            return  # Ithaca's part of the kernel: the attempt's end has the message
        traceback = "\n".join(plain(str(entry)) for entry in content.get("traceback") or ())
        self.log.write(f"{traceback.rstrip()}\n", always=True)

    def write_notebook(self) -> None:
        """Write the notebook, without this machine's paths and with secrets masked."""
        if self._notebook is None:
            return
        document = json.loads(json.dumps(self._notebook))
        papermill = document["metadata"].get("papermill", {})
        for path in ("input_path", "output_path"):
            papermill.pop(path, None)
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        # As in JSON, where quotes and line ends are escaped.
        secrets = tuple(json.dumps(each, ensure_ascii=False)[1:-1] for each in self.log.secrets)
        data = mask(text, secrets).encode("utf-8", "surrogatepass")
        self._store.overwrite(self._name("notebook.ipynb"), data)

    def _name(self, name: str) -> str:
        return names.attempt(self._task.run, self._task.step, self._task.attempt, name)

    def _progress(self, number: int) -> None:
        progress = Progress(cell=self._cell, cells=self._cells, number=number)
        with contextlib.suppress(StoreError):
            self._store.overwrite(self._name("progress"), msgspec.json.encode(progress))
