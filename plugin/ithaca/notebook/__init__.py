"""The notebook: what a file's cells, tags and metadata say, before any code is understood.

`read` turns a file into cells, `outline` groups the cells into steps by their tags (and those of
the notebooks that it is composed of). Nothing a user wrote in a cell makes them raise: it becomes
a diagnostic. This room imports only the errors, the diagnostics and the workflow's model; what it
yields, a `TaggedNotebook`, goes to `analysis` next.
"""

from __future__ import annotations

from ithaca.notebook.model import Cell, Scope, Settings, TaggedNotebook, TaggedStep
from ithaca.notebook.outline import outline
from ithaca.notebook.read import RawNotebook, read
from ithaca.notebook.tags import Tag, parse_tag

__all__ = [
    "Cell",
    "RawNotebook",
    "Scope",
    "Settings",
    "Tag",
    "TaggedNotebook",
    "TaggedStep",
    "outline",
    "parse_tag",
    "read",
]
