"""Records: what is known of runs, as documents that are created once and never changed.

`model` has the documents, `names` says where they are kept in the store, `fold` computes the
status of a run from them and nothing else, and `journal` reads and writes those of one run. The
room may import the workflow's model and the store. Runners and backends write here; the command
line and the other views only read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ithaca.records.fold import RunState as RunState
    from ithaca.records.fold import StepState as StepState
    from ithaca.records.fold import fold as fold_documents
    from ithaca.records.journal import Journal as Journal
    from ithaca.records.journal import find_run as find_run
    from ithaca.records.journal import list_runs as list_runs

_WHERE = {
    "Journal": ("journal", "Journal"),
    "RunState": ("fold", "RunState"),
    "StepState": ("fold", "StepState"),
    "find_run": ("journal", "find_run"),
    "fold_documents": ("fold", "fold"),
    "list_runs": ("journal", "list_runs"),
}

__all__ = ["Journal", "RunState", "StepState", "find_run", "fold_documents", "list_runs"]


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(name)
    from importlib import import_module

    module, attribute = _WHERE[name]
    return getattr(import_module(f"{__name__}.{module}"), attribute)
