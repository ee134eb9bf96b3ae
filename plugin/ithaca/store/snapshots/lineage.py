"""Who came before whom: the executions that a join descends from, and their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from ithaca.store.snapshots.model import MergeNode


class Lineage:
    """The ancestors of a join, its parents among them.

    Attributes:
        nodes: Digest to execution, ancestors before descendants, the first parent's first.
        ancestors: Digest to the digests of all that it descends from.
    """

    def __init__(self, heads: Sequence[str], load: Callable[[str], MergeNode]) -> None:
        self.nodes: dict[str, MergeNode] = {}
        self.ancestors: dict[str, frozenset[str]] = {}
        loaded: dict[str, MergeNode] = {}
        waiting = list(reversed(heads))
        while waiting:
            digest = waiting[-1]
            if digest in self.nodes:
                waiting.pop()
                continue
            if digest not in loaded:
                loaded[digest] = load(digest)
            node = loaded[digest]
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
        """Executions whose changes the join must weigh, in order.

        What every other execution and every parent descends from is in all parents already.
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
        """Of the executions that changed one path, those that no other of them descends from.

        An execution that was found and not run may descend from an older execution of a step that
        another branch knows in a newer one: after an edit that changed nothing further down. Where
        both changed the path, the step's place in the older lineage says what came before what.

        Args:
            changers: Digests of all executions that changed it.
        """
        return [
            one
            for one in self._in_order(changers)
            if not any(self._before(one, other, changers) for other in changers)
        ]

    def _in_order(self, digests: Collection[str]) -> Iterable[str]:
        return (digest for digest in self.nodes if digest in digests)

    def _before(self, one: str, other: str, changers: Collection[str]) -> bool:
        if one in self.ancestors[other]:
            return True
        if other in self.ancestors[one] or self._stands_above(other, one, changers):
            return False
        return self._stands_above(one, other, changers)

    def _stands_above(self, one: str, other: str, changers: Collection[str]) -> bool:
        """Whether another execution of the same step, which changed the path too, came before."""
        step = self.nodes[one].step
        if step == self.nodes[other].step or step not in self._steps[other]:
            return False
        return any(
            digest in self.ancestors[other] and self.nodes[digest].step == step
            for digest in changers
        )
