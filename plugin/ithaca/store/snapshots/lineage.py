"""The ancestors of a merge, and their order."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ithaca.store.snapshots.model import MergeNode


class Lineage:
    """The ancestors of a merge, including its parents.

    Attributes:
        nodes: Digest to execution, ancestors before descendants, starting with the first parent's.
        ancestors: Digest to the digests of all its ancestors.
    """

    def __init__(self, heads: Sequence[str], load: Callable[[str], MergeNode]) -> None:
        self.nodes: dict[str, MergeNode] = {}
        self.ancestors: dict[str, frozenset[str]] = {}
        load = functools.cache(load)
        waiting = list(reversed(heads))
        while waiting:
            digest = waiting[-1]
            node = load(digest)
            missing = [parent for parent in node.parents if parent not in self.nodes]
            if missing:
                waiting.extend(reversed(missing))
                continue
            self.nodes[digest] = node
            self.ancestors[digest] = frozenset(node.parents).union(
                *(self.ancestors[parent] for parent in node.parents)
            )
            waiting.pop()
        self._steps = {
            digest: {self.nodes[one].step for one in above}
            for digest, above in self.ancestors.items()
        }

    def unsettled(self, heads: Sequence[str]) -> list[str]:
        """Executions whose changes the merge must settle, in order.

        Common ancestors of all other executions and all parents are not needed: every parent
        contains their changes.
        """
        common = frozenset.intersection(*(self.ancestors[head] | {head} for head in heads))
        settled = set(common)
        while True:
            rest = [digest for digest in self.nodes if digest not in settled]
            wrong = {
                digest
                for digest in settled
                if any(digest not in self.ancestors[other] for other in rest)
            }
            if not wrong:
                return rest
            settled -= wrong

    def latest(self, changers: Collection[str]) -> list[str]:
        """The executions that changed a path last: no other changer descends from them.

        A reused execution may descend from an older execution of a step that another branch has in
        a newer one, after an edit that changed no later result. If both changed the path, the
        step's position in the older lineage decides the order.

        Args:
            changers: Digests of all executions that changed the path.
        """
        return [
            one
            for one in self.nodes
            if one in changers and not any(self._before(one, other, changers) for other in changers)
        ]

    def _before(self, one: str, other: str, changers: Collection[str]) -> bool:
        if one in self.ancestors[other]:
            return True
        if other in self.ancestors[one] or self._stands_above(other, one, changers):
            return False
        return self._stands_above(one, other, changers)

    def _stands_above(self, one: str, other: str, changers: Collection[str]) -> bool:
        """Whether another execution of the same step, which also changed the path, is older."""
        step = self.nodes[one].step
        if step == self.nodes[other].step or step not in self._steps[other]:
            return False
        return any(
            digest in self.ancestors[other] and self.nodes[digest].step == step
            for digest in changers
        )
