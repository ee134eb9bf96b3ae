"""Joining what parallel steps left (being built)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ithaca.snapshots.model import Merged, MergeNode
    from ithaca.snapshots.rules import MergeRules
    from ithaca.snapshots.store import Store


def merge(
    store: Store,
    heads: Sequence[str],
    *,
    load: Callable[[str], MergeNode],
    rules: MergeRules,
    read_later: Collection[str] | None,
) -> Merged:
    """Join what parallel steps left."""
    raise NotImplementedError
