"""What push and pull have in common: their steps, their result, and parallel requests."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Self, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from ithaca.store.base import Store
    from ithaca.store.remotes.remote import Remote

HEAVY = 6
"""Parallel requests that hold a pack or a chunk in memory (16 MiB each)."""

LIGHT = 24
"""Parallel requests that need little memory."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """What a push or a pull transferred: only what the other side lacked.

    Attributes:
        snapshots: How many snapshots.
        objects: How many files, trees and attributes.
        bytes: Their bytes.
        documents: How many documents.
        requests: How many requests it took; 0 if they were not counted.
        missing: Digests that a run refers to, but that the source lacks too.
    """

    snapshots: int = 0
    objects: int = 0
    bytes: int = 0
    documents: int = 0
    requests: int = 0
    missing: tuple[str, ...] = ()

    @classmethod
    def total(cls, parts: Iterable[Transfer], *, requests: int = 0) -> Self:
        """The sum of some transfers.

        Args:
            parts: The transfers.
            requests: How many requests they took together.

        Example:
            >>> Transfer.total([Transfer(objects=1), Transfer(objects=2)]).objects
            3
        """
        listed = list(parts)
        return cls(
            snapshots=sum(one.snapshots for one in listed),
            objects=sum(one.objects for one in listed),
            bytes=sum(one.bytes for one in listed),
            documents=sum(one.documents for one in listed),
            requests=requests,
            missing=tuple(sorted({digest for one in listed for digest in one.missing})),
        )


class Transport(ABC):
    """One push or pull, and what it has transferred so far.

    Attributes:
        missing: Digests that the source lacks.
    """

    def __init__(
        self, store: Store, remote: Remote, progress: Callable[[int, int], None] | None
    ) -> None:
        self._store = store
        self._remote = remote
        self._progress = progress
        self._objects = self._bytes = 0
        self.missing: list[str] = []

    def transfer(
        self, snapshots: Iterable[str], documents: Iterable[str], names: Iterable[str]
    ) -> Transfer:
        """Transfer snapshots, then documents by digest, then documents by name."""
        moved = self.snapshots(list(dict.fromkeys(snapshots)))
        count = self.documents(list(dict.fromkeys(documents)))
        count += self.names(list(dict.fromkeys(names)))
        return Transfer(
            snapshots=moved,
            objects=self._objects,
            bytes=self._bytes,
            documents=count,
            missing=tuple(self.missing),
        )

    def count(self, objects: int, size: int) -> None:
        """Count objects, and report the progress."""
        self._objects += objects
        self._bytes += size
        if self._progress is not None:
            self._progress(self._objects, self._bytes)

    @abstractmethod
    def snapshots(self, digests: list[str]) -> int:
        """Transfer whole snapshots; returns how many the other side lacked."""

    @abstractmethod
    def documents(self, digests: list[str]) -> int:
        """Transfer documents by digest; returns how many the other side lacked."""

    @abstractmethod
    def names(self, names: list[str]) -> int:
        """Transfer documents by name; returns how many the other side lacked."""


def each(
    function: Callable[[_Item], _Result], items: Iterable[_Item], workers: int
) -> Generator[_Result, None, None]:
    """Call a function in parallel threads and yield its results in order.

    Args:
        function: Called in a thread.
        items: Consumed only as fast as they are processed, so it may generate large ones.
        workers: How many calls run at once.

    Example:
        >>> list(each(abs, [-1, 2, -3], 2))
        [1, 2, 3]
    """
    running: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="ithaca-remote") as pool:
        try:
            for item in items:
                running.append(pool.submit(function, item))
                if len(running) >= workers:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            for future in running:
                future.cancel()
