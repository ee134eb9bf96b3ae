"""What the values of a volume are, read without loading them.

The kernel's side (`ithaca.kernel`) writes values into the reserved folder of a step's root; the
snapshot carries them on. Here are the pointers and documents as Ithaca's own side reads them, for
messages of merges, `snapshots show`, views and lineage. It imports nothing of Ithaca but `errors`,
takes bytes from wherever they are (a folder, a snapshot), and never unpickles anything.
"""

from __future__ import annotations

from ithaca.values.model import Buffer, Document, NamedValue, Pointer
from ithaca.values.read import (
    NAMES,
    OBJECTS,
    VOLUME,
    describe,
    document_from_json,
    pointer_from_json,
    pointer_to_json,
    reachable,
    read_folder,
    unreferenced,
)

__all__ = [
    "NAMES",
    "OBJECTS",
    "VOLUME",
    "Buffer",
    "Document",
    "NamedValue",
    "Pointer",
    "describe",
    "document_from_json",
    "pointer_from_json",
    "pointer_to_json",
    "reachable",
    "read_folder",
    "unreferenced",
]
