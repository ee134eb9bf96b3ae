"""What an attempt writes down while its cells run: log, progress, notebook."""

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

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.model.workflow import Step
    from ithaca.runner.notebook import Place
    from ithaca.runner.task import Task
    from ithaca.store import Store

_PROGRESS_EVERY = 0.25


class FolderGone(Exception):
    """A cell took away the folder that the step runs in: no further cell makes sense."""


class Recording:
    """The engine's watcher for one attempt.

    What it writes are hints for whoever looks on: a store that cannot take them does not stop the
    step; what counts is written at the end, and fails there.

    Args:
        store: Where to.
        task: The attempt.
        step: The step.
        secrets: Values that are masked.

    Attributes:
        is_there: Says whether the step's folder is still in place; asked before each cell.
        place: Where the running cell comes from.
        failure: Place, execution count and reply of the cell that failed.
    """

    def __init__(self, store: Store, task: Task, step: Step, secrets: tuple[str, ...]) -> None:
        self.is_there: Callable[[], bool] = lambda: True
        self.place: Place | None = None
        self.failure: tuple[Place, int | None, dict[str, Any]] | None = None
        self.log = StepLog(store, task.run, task.step, task.attempt, secrets)
        self._store, self._task, self._step = store, task, step
        self._cells = sum(1 for code in step.code if code.kind == "user")
        self._cell = 0
        self._announced = True
        self._next_progress = 0.0
        self._notebook: Any = None

    def cell(self, _index: int, cell: Any) -> None:
        """A cell starts; raises `FolderGone` when the one before left no folder to run in."""
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
        """Some time went by."""
        with contextlib.suppress(StoreError):
            self.log.tick()

    def save(self, executed: Any) -> None:
        """Keep the notebook with its outputs so far."""
        self._notebook = executed
        with contextlib.suppress(StoreError):
            self.write_notebook()

    def failed(self, _index: int, cell: Any, content: dict[str, Any]) -> None:
        """A cell failed."""
        place = notebook.place(self._step, cell)
        self.failure = (place, cell.get("execution_count"), content)
        if content.get("ename") == "ValueProblem":
            return  # our own side of the kernel: the attempt's end says it
        traceback = "\n".join(plain(str(entry)) for entry in content.get("traceback") or ())
        self.log.write(f"{traceback.rstrip()}\n", always=True)

    def write_notebook(self) -> None:
        """Write the notebook, without paths of this machine and with secrets masked."""
        if self._notebook is None:
            return
        document = json.loads(json.dumps(self._notebook))
        papermill = document["metadata"].get("papermill", {})
        for path in ("input_path", "output_path"):
            papermill.pop(path, None)
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        # As they stand in JSON: quotes and line ends of a secret are escaped there.
        secrets = tuple(json.dumps(each, ensure_ascii=False)[1:-1] for each in self.log.secrets)
        data = mask(text, secrets).encode("utf-8", "surrogatepass")
        self._store.overwrite(self._name("notebook.ipynb"), data)

    def _name(self, name: str) -> str:
        return names.attempt(self._task.run, self._task.step, self._task.attempt, name)

    def _progress(self, number: int) -> None:
        progress = Progress(cell=self._cell, cells=self._cells, number=number)
        with contextlib.suppress(StoreError):
            self._store.overwrite(self._name("progress"), msgspec.json.encode(progress))
