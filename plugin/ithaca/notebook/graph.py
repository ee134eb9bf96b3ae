"""The order of steps: topological order and cycles."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence


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
    left = {step: {need for need in set(needs[step]) if need in place} for step in needs}
    dependents: dict[str, list[str]] = {step: [] for step in needs}
    for step, wanted in left.items():
        for need in wanted:
            dependents[need].append(step)
    ready = [place[step] for step, wanted in left.items() if not wanted]
    heapq.heapify(ready)
    done: list[str] = []
    while ready:
        step = names[heapq.heappop(ready)]
        done.append(step)
        for dependent in dependents[step]:
            left[dependent].discard(step)
            if not left[dependent]:
                heapq.heappush(ready, place[dependent])
    return tuple(done) if len(done) == len(names) else None


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
