"""Names of documents, and their paths in the store."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from ithaca.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TMP, OBJECTS, DOCUMENTS, SNAPSHOTS = "tmp", "objects", "documents", "snapshots"
DAMAGED_FOLDER = "damaged"
OWN = frozenset({TMP, OBJECTS, DOCUMENTS, SNAPSHOTS, DAMAGED_FOLDER, "version"})
"""Folders of the store itself: no document's name begins with one."""

_PART = re.compile(r"[A-Za-z0-9_=@+-][A-Za-z0-9_.=@+-]*")

_FOLDED = frozenset({"run", "start", "end", "progress"})
"""Names that a document and a folder can share (a step named `end`): the folder gets a `~`."""


def document_path(name: str) -> str:
    """Path of a document, relative to the store.

    Args:
        name: Such as `runs/01J…/run`.

    Raises:
        UsageError: The name is not valid.

    Example:
        >>> document_path("runs/1/end"), document_path("runs/1/end/1/start")
        ('runs/1/end', 'runs/1/end~/1/start')
    """
    *folders, last = _parts(name)
    return "/".join([*_folded(folders), last])


def folder_path(prefix: str) -> str:
    """Path of the folder with the documents below a prefix, relative to the store.

    Args:
        prefix: Such as `runs/`; the last slash is optional.

    Raises:
        UsageError: The prefix is not valid.
    """
    shortened = prefix.removesuffix("/")
    return "/".join(_folded(_parts(shortened))) if shortened else "."


def child_names(files: Sequence[str]) -> list[str]:
    """Sorted names of documents and folders from the names of files in a folder."""
    return sorted({file.removesuffix("~") for file in files if file not in OWN})


def refuse(name: str, why: str) -> NoReturn:
    """Raise the error for an invalid name of a document."""
    raise UsageError("ITH411", f"invalid document name {name!r}: {why}")


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    if any(not _PART.fullmatch(part) for part in parts):
        refuse(name, "its parts may hold letters, digits and `_.=@+-`")
    if parts[0] in OWN:
        refuse(name, "its first part is reserved for the store")
    return parts


def _folded(folders: Sequence[str]) -> Iterator[str]:
    return (f"{folder}~" if folder in _FOLDED else folder for folder in folders)
