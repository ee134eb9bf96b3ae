"""What a step of a trial reports with `ithaca.report`, on its way from the kernel to the store."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING

import msgspec

from ithaca.errors import StoreError
from ithaca.model.run import Reports
from ithaca.records import names

if TYPE_CHECKING:
    from pathlib import Path

    from ithaca.runner.task import Task
    from ithaca.store import Store

EVERY = 1.0
"""Seconds between two writes."""

MOST = 10_000
"""Step numbers that are kept; further ones are left out."""


class StepReports:
    """Copies the reports of one attempt into a document that is overwritten.

    Args:
        store: The store.
        task: The attempt; only those of trials have the document.

    Attributes:
        path: The file that `ithaca.report` appends to, once it is known.
    """

    def __init__(self, store: Store, task: Task) -> None:
        self.path: Path | None = None
        self._store, self._wanted = store, task.trial is not None
        self._name = names.attempt(task.run, task.step, task.attempt, "reports")
        self._values: dict[int, float] = {}
        self._read, self._next, self._changed = 0, 0.0, False

    def tick(self) -> None:
        """Write what was reported since the last time; to be called regularly."""
        now = time.monotonic()
        if self._wanted and now >= self._next:
            self._next = now + EVERY
            self._write()

    def finish(self) -> None:
        """Write what was reported last."""
        if self._wanted:
            with contextlib.suppress(StoreError):  # a hint, as progress is
                self._write()

    def _write(self) -> None:
        for line in self._new_lines():
            with contextlib.suppress(ValueError, TypeError):
                step, text = json.loads(line)
                if step in self._values or len(self._values) < MOST:
                    self._values[step] = float(text)
                    self._changed = True
        if self._changed:
            document = Reports.of(self._values)
            self._store.overwrite(self._name, msgspec.json.encode(document))
            self._changed = False

    def _new_lines(self) -> list[bytes]:
        """The complete lines that were not read yet."""
        if self.path is None:
            return []
        try:
            with self.path.open("rb") as file:
                file.seek(self._read)
                text = file.read()
        except OSError:
            return []
        complete = text[: text.rfind(b"\n") + 1]
        self._read += len(complete)
        return complete.splitlines()
