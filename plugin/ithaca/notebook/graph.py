"""The order of steps: topological order and cycles."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter


def order(needs: Mapping[str, Sequence[str]]) -> tuple[str, ...] | None:
    """The steps in topological order, and in the given order where that leaves a choice.

    Args:
        needs: For each step, in notebook order, the steps that it needs; unknown ones are ignored.

    Returns:
        The names of the steps; None when steps need each other in a circle.

    Example:
        >>> order({"b": ["a"], "a": [], "c": []})
        ('a', 'b', 'c')
    """
    place = {step: index for index, step in enumerate(needs)}
    names = list(needs)
    sorter = TopologicalSorter(
        {step: [need for need in wanted if need in place] for step, wanted in needs.items()}
    )
    try:
        sorter.prepare()
    except CycleError:
        return None
    ready: list[int] = []
    done: list[str] = []
    while sorter.is_active():
        for step in sorter.get_ready():
            heapq.heappush(ready, place[step])
        done.append(names[heapq.heappop(ready)])
        sorter.done(done[-1])
    return tuple(done)


def cycles(needs: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """Steps that need each other in a circle.

    Args:
        needs: As for `order`.

    Returns:
        One shortest circle for each strongly connected component, as a path whose last step needs
        its first; each begins with its first step in notebook order.

    Example:
        >>> cycles({"a": ["b"], "b": ["a"]})
        [('a', 'b')]
    """
    found: list[tuple[str, ...]] = []
    seen: set[str] = set()
    for start in needs:
        if start in seen:
            continue
        path = _shortest_circle(start, needs)
        if path:
            found.append(path)
            seen |= _reachable(start, needs) & {s for s in needs if start in _reachable(s, needs)}
    return found


def _shortest_circle(start: str, needs: Mapping[str, Sequence[str]]) -> tuple[str, ...] | None:
    came: dict[str, str] = {}
    queue = [start]
    for step in queue:
        for need in needs[step]:
            if need == start:
                path = [step]
                while path[-1] != start:
                    path.append(came[path[-1]])
                return tuple(reversed(path))
            if need in needs and need not in came:
                came[need] = step
                queue.append(need)
    return None


def _reachable(start: str, needs: Mapping[str, Sequence[str]]) -> set[str]:
    seen: set[str] = set()
    queue = list(needs[start])
    while queue:
        step = queue.pop()
        if step not in seen and step in needs:
            seen.add(step)
            queue.extend(needs[step])
    return seen
