"""What a session has seen of a run: its object, its pods, and when to look again."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ithaca.backends.kubernetes.engine import Object, PodState
    from ithaca.model.run import Obstacle
    from ithaca.records.journal import Journal

FRESH = 5.0
"""Seconds for which an answer of the API server is used, while nothing watches the run."""

LATE = 1.0
"""Seconds by which the store's list of documents may be older than the run's object."""

SKEW = 30.0
"""Seconds by which the clocks of this machine and of the cluster may differ."""


class View:
    """What a session has seen of a run.

    Attributes:
        journal: The run's documents.
        found: The run's object as it was read last; None when there is none.
        until: When it has to be read again, by the monotonic clock.
        deleted: When the watch saw it deleted.
        pods: The pods of its steps, as the engine described them last.
        settled: Failed pods whose ends are written.
        over: When the steps were first seen ended.
        listed: Why pods do not start, as they say themselves.
        next_list: When pods may be listed again.
    """

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.found: Object | None = None
        self.until = 0.0
        self.deleted: float | None = None
        self.pods: tuple[PodState, ...] = ()
        self.settled: set[tuple[str, int]] = set()
        self.listed: dict[str, Obstacle] = {}
        self.next_list = 0.0
        self.over: float | None = None
        self._version, self._pods_until = "", 0.0
        self._lock = threading.Lock()

    def show(self, found: Object | None) -> None:
        """Keep what a watch shows, which stays true until the watch shows something else."""
        with self._lock:
            if found is None:
                self.deleted = time.monotonic()
            self.found, self.until = found, float("inf")

    def keep(self, found: Object | None, until: float) -> None:
        """Keep what a request returned, unless a watch has shown something since.

        Args:
            found: The object.
            until: When it has to be read again, by the monotonic clock.
        """
        with self._lock:
            if self.until != float("inf"):
                self.found, self.until = found, until

    def is_due(self, found: Object) -> bool:
        """Whether the pods have to be read: the object changed, or the last time is long ago."""
        version, now = found["metadata"].get("resourceVersion", ""), time.monotonic()
        if version == self._version and now < self._pods_until:
            return False
        self._version, self._pods_until = version, now + FRESH
        return True

    def is_over(self, found: Object) -> bool:
        """Whether the store shows by now everything that the pods wrote.

        Args:
            found: The run's object, whose steps have ended.
        """
        now, status = time.monotonic(), found.get("status") or {}
        if self.over is None:
            self.over = now
        ended = status.get("finishedAt") or status.get("completionTime")
        if ended and time.time() - datetime.fromisoformat(ended).timestamp() > SKEW:
            return True
        return self.is_visible(self.over)

    def is_visible(self, moment: float) -> bool:
        """Whether the store shows by now what was written at a moment of the monotonic clock."""
        return time.monotonic() - moment >= LATE
