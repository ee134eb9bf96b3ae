"""Describes the values of a volume without loading them.

The kernel (`ithaca.kernel`) writes values into the reserved folder of a step's root, and snapshots
carry them to later steps. This room reads their pointers and documents, from a folder or a
snapshot, for merge conflicts, `snapshots show` and `Run.values`. It imports only `errors` and never
unpickles anything.
"""

from __future__ import annotations

from ithaca.values.model import Document, NamedValue, Pointer
from ithaca.values.read import (
    NAMES,
    OBJECTS,
    VOLUME,
    describe,
    document_from_json,
    pointer_from_json,
    read_folder,
)

__all__ = [
    "NAMES",
    "OBJECTS",
    "VOLUME",
    "Document",
    "NamedValue",
    "Pointer",
    "describe",
    "document_from_json",
    "pointer_from_json",
    "read_folder",
]
