"""Names on a remote: of its snapshots, its runs and their documents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ithaca.errors import NotFound, UsageError
from ithaca.store.naming import document_path, folder_path
from ithaca.store.remotes.layout import DOCUMENTS, SNAPSHOTS

if TYPE_CHECKING:
    from ithaca.store.remotes.remote import Remote

_SHORTEST_PREFIX = 4


def list_snapshots(remote: Remote, prefix: str = "") -> tuple[str, ...]:
    """Digests of the remote's snapshots, sorted; those that begin with a prefix."""
    folder = f"{SNAPSHOTS}/{prefix[:2]}" if len(prefix) > 1 else SNAPSHOTS
    found = ("".join(one.name.split("/")[-2:]) for one in remote.list(folder))
    return tuple(
        sorted(one for one in found if one.startswith(prefix) and re.fullmatch("[0-9a-f]{64}", one))
    )


def resolve(remote: Remote, prefix: str) -> str:
    """Digest of the remote's snapshot whose name begins with a prefix.

    Raises:
        NotFound: There is none.
        UsageError: There are several, or the prefix is too short.
    """
    if len(prefix) < _SHORTEST_PREFIX:
        raise UsageError(
            "ITH409", f"{prefix!r} is too short", cure="give at least four digits of the digest"
        )
    found = list_snapshots(remote, prefix.lower())
    if not found:
        raise NotFound("ITH402", f"the remote has no snapshot {prefix}", where=remote.url)
    if len(found) > 1:
        raise UsageError(
            "ITH409",
            f"{prefix} is the beginning of {len(found)} snapshots",
            cure="give more digits",
        )
    return found[0]


def list_documents(remote: Remote) -> tuple[str, ...]:
    """Digests of the remote's documents, sorted."""
    return tuple(sorted("".join(one.name.split("/")[-2:]) for one in remote.list(DOCUMENTS)))


def list_runs(remote: Remote) -> tuple[str, ...]:
    """Ids of the remote's runs, the oldest first."""
    return remote.folders("runs")


def documents_below(remote: Remote, prefix: str) -> dict[str, int]:
    """Names of all documents below a prefix, and their sizes.

    Args:
        remote: Where to look.
        prefix: Such as `runs/01J…`.
    """
    return {_name(one.name): one.size for one in remote.list(folder_path(prefix))}


def document_place(name: str) -> str:
    """Name on a remote of a document that has a name."""
    return document_path(name)


def _name(path: str) -> str:
    *folders, last = path.split("/")
    return "/".join([*(folder.removesuffix("~") for folder in folders), last])
