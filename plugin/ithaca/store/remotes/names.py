"""List the snapshots, runs and documents of a remote."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ithaca.store.naming import folder_path
from ithaca.store.remotes.layout import DOCUMENTS, SNAPSHOTS
from ithaca.store.snapshots.walker import match_prefix

if TYPE_CHECKING:
    from ithaca.store.remotes.remote import Remote


def list_snapshots(remote: Remote, prefix: str = "") -> tuple[str, ...]:
    """Sorted digests of the remote's snapshots that begin with a prefix."""
    folder = f"{SNAPSHOTS}/{prefix[:2]}" if len(prefix) > 1 else SNAPSHOTS
    found = ("".join(one.name.split("/")[-2:]) for one in remote.list(folder))
    return tuple(
        sorted(one for one in found if one.startswith(prefix) and re.fullmatch("[0-9a-f]{64}", one))
    )


def resolve(remote: Remote, prefix: str) -> str:
    """Digest of the remote's snapshot that begins with a prefix.

    Raises:
        NotFound: There is none.
        UsageError: There are several, or the prefix is too short.
    """
    return match_prefix(prefix, lambda start: list_snapshots(remote, start), where=remote.url)


def list_documents(remote: Remote) -> tuple[str, ...]:
    """Sorted digests of the remote's documents."""
    return tuple(sorted("".join(one.name.split("/")[-2:]) for one in remote.list(DOCUMENTS)))


def list_runs(remote: Remote) -> tuple[str, ...]:
    """Ids of the remote's runs, oldest first."""
    return remote.folders("runs")


def documents_below(remote: Remote, prefix: str) -> dict[str, int]:
    """Names of all documents below a prefix, and their sizes.

    Args:
        remote: The remote.
        prefix: Such as `runs/01J…`.
    """
    return {_name(one.name): one.size for one in remote.list(folder_path(prefix))}


def _name(path: str) -> str:
    *folders, last = path.split("/")
    return "/".join([*(folder.removesuffix("~") for folder in folders), last])
