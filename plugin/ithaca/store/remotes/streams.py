"""Many requests at once, but never more than a few, and never more in memory than those need."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

HEAVY = 6
"""Requests at once that hold a pack or a chunk in memory (16 MiB each)."""

LIGHT = 24
"""Requests at once that hold next to nothing."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def each(
    function: Callable[[_Item], _Result], items: Iterable[_Item], workers: int
) -> Generator[_Result, None, None]:
    """The results of a function, in order; items are taken only as fast as they are worked off.

    Args:
        function: Called in a thread.
        items: May be a generator that makes what is large.
        workers: How many calls run at once, and how many more items are taken than are done.

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
