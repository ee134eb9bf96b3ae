"""Threads that watch the objects of runs, and keep what a session has seen of them up to date."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

from ithaca.backends.kubernetes.manifests import STUDY
from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ithaca.backends.kubernetes.client import Cluster, Kind
    from ithaca.backends.kubernetes.view import View

    Changes = Callable[[threading.Event], Iterator[str]]

LOOK = 1.0
"""Seconds between two reads of the store while nothing changes on the cluster."""


class Changed:
    """The runs whose objects changed since somebody asked.

    Args:
        what: What is watched: `run 01J…`.
        cure: What to do when the cluster does not allow it any more.
    """

    def __init__(self, what: str, cure: str) -> None:
        self._what, self._cure = what, cure
        self._event, self._lock = threading.Event(), threading.Lock()
        self._runs: set[str] = set()
        self._refusal: BackendError | None = None

    def wait(self, seconds: float) -> set[str]:
        """Wait until an object changes, and return the ids of the runs.

        Args:
            seconds: How long to wait at most; less than `LOOK` counts as `LOOK`.

        Raises:
            BackendError: The cluster does not allow to watch them any more (ITH665).
        """
        self._event.wait(max(seconds, LOOK))
        with self._lock:
            self._event.clear()
            runs, self._runs = self._runs, set()
        if self._refusal is not None:
            raise BackendError(
                "ITH665",
                f"cannot watch the {self._what.split()[0]} any more: {self._refusal.message}",
                where=self._what,
                cure=self._cure,
            )
        return runs

    @contextlib.contextmanager
    def by(self, changes: Changes) -> Iterator[None]:
        """Collect changes in a thread for as long as the block lasts.

        Args:
            changes: Yields the id of each run that changed, until the event that it gets is set.
        """
        over = threading.Event()

        def collect() -> None:
            try:
                for run in changes(over):
                    with self._lock:
                        self._runs.add(run)
                        self._event.set()
            except BackendError as error:
                self._refusal = error
                self._event.set()

        threading.Thread(target=collect, daemon=True, name=f"watch {self._what}").start()
        try:
            yield
        finally:
            over.set()


def of_run(cluster: Cluster, kind: Kind, name: str, view: View) -> Changes:
    """The changes of one run's object.

    Args:
        cluster: Where it is.
        kind: What it is.
        name: Its name.
        view: What to keep up to date.
    """

    def changes(over: threading.Event) -> Iterator[str]:
        for found in cluster.watch(kind, name=name, stop=over):
            if over.is_set():
                return
            view.show(found)
            yield view.journal.id
        if not over.is_set():
            view.show(None)
            yield view.journal.id

    return changes


def of_study(cluster: Cluster, kind: Kind, study: str, views: Mapping[str, View]) -> Changes:
    """The changes of the objects of a study's trials.

    Args:
        cluster: Where they are.
        kind: What they are.
        study: Name of the study.
        views: What to keep up to date, by run; others are not of interest.
    """

    def changes(over: threading.Event) -> Iterator[str]:
        listed: set[str] = set()
        for change, found in cluster.watch_all(kind, labels={STUDY: study}, stop=over):
            if over.is_set():
                return
            if change == "listed":
                yield from _deleted(cluster, kind, {**views}, listed)
                listed.clear()
                continue
            run = (found["metadata"].get("labels") or {}).get("ithaca/run", "")
            if change == "found":
                listed.add(run)
            if run in views:
                views[run].show(None if change == "deleted" else found)
                yield run

    return changes


def _deleted(
    cluster: Cluster, kind: Kind, views: Mapping[str, View], listed: set[str]
) -> Iterator[str]:
    """The runs whose objects were there before, and are not in a new list."""
    for run, view in views.items():
        if run in listed or view.found is None:
            continue
        found = cluster.get(kind, view.found["metadata"]["name"])  # or it is newer than the list
        view.show(found)
        if found is None:
            yield run
