"""Planning: which steps of a workflow must run, and which are already known.

A key says what a step's result depends on; `keys` computes it, publishes executions under it and
finds them again. `ithaca.planning.plan.plan` walks a workflow from its roots and decides. The room
may import the workflow's model, the records' model and the store; what it decides goes into the
run's document, from where a backend takes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ithaca.planning.keys import Known as Known
    from ithaca.planning.keys import lookup as lookup
    from ithaca.planning.keys import publish as publish
    from ithaca.planning.keys import reuse_filter as reuse_filter
    from ithaca.planning.keys import step_key as step_key

__all__ = ["Known", "lookup", "publish", "reuse_filter", "step_key"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(name)
    from ithaca.planning import keys

    return getattr(keys, name)
