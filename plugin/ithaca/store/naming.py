"""Names of documents, and the paths in the store where they lie."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

from ithaca.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

TMP, OBJECTS, DOCUMENTS, SNAPSHOTS, DAMAGED_FOLDER = (
    "tmp",
    "objects",
    "documents",
    "snapshots",
    "damaged",
)
OWN = frozenset({TMP, OBJECTS, DOCUMENTS, SNAPSHOTS, DAMAGED_FOLDER, "version"})
"""Places that are the store's own: no document's name begins with one."""

_PART = re.compile(r"[A-Za-z0-9_=@+-][A-Za-z0-9_.=@+-]*")

_FOLDED = frozenset({"run", "start", "end", "progress"})
"""Names of documents that a folder may have too (a step named `end`): such a folder gets a `~`."""


def document_path(name: str) -> str:
    """Path of a document, relative to the store.

    Args:
        name: Such as `runs/01J…/run`.

    Raises:
        UsageError: It cannot be a document's name.

    Example:
        >>> document_path("runs/1/end"), document_path("runs/1/end/1/start")
        ('runs/1/end', 'runs/1/end~/1/start')
    """
    *folders, last = _parts(name)
    return "/".join([*_folded(folders), last])


def folder_path(prefix: str) -> str:
    """Path of the folder that holds the documents below a prefix, relative to the store.

    Args:
        prefix: Such as `runs/`; the last slash may be missing.

    Raises:
        UsageError: No document's name can begin like this.
    """
    shortened = prefix.removesuffix("/")
    return "/".join(_folded(_parts(shortened))) if shortened else "."


def child_names(files: Sequence[str]) -> list[str]:
    """Names of documents and folders from the names of files in a folder, sorted."""
    return sorted({file.removesuffix("~") for file in files if file not in OWN})


def refuse(name: str, why: str) -> NoReturn:
    """Say why a name cannot be a document's."""
    raise UsageError("ITH411", f"{name!r} cannot be the name of a document: {why}")


def _parts(name: str) -> list[str]:
    parts = name.split("/")
    if any(not _PART.fullmatch(part) for part in parts):
        refuse(name, "its parts may have letters, digits and `_.=@+-`")
    if parts[0] in OWN:
        refuse(name, "this place is the store's own")
    return parts


def _folded(folders: Sequence[str]) -> Iterator[str]:
    return (f"{folder}~" if folder in _FOLDED else folder for folder in folders)
