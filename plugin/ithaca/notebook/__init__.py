"""The notebook: cells, tags and metadata, without any analysis of code.

`read` turns a file into cells; `outline` groups the cells into steps by their tags, also those of
included notebooks. Whatever a cell contains, they do not raise but return diagnostics. This room
imports only `model`, `errors` and `diagnostics`. Its result, a `TaggedNotebook`, goes to `analysis`
next.
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
