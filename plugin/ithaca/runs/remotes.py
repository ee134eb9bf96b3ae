"""Push snapshots and runs to a remote, and pull them from it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ithaca.errors import NotFound
from ithaca.records.journal import find_run, list_runs
from ithaca.records.names import parse_reference
from ithaca.records.travel import names_below, pull_run, push_run
from ithaca.runs.references import find_snapshot
from ithaca.store.naming import DOCUMENTS, SNAPSHOTS
from ithaca.store.remotes import (
    Remote,
    Transfer,
    documents_below,
    list_documents,
    list_snapshots,
    pull,
    push,
    resolve,
    verify,
)
from ithaca.store.remotes import list_runs as list_remote_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ithaca.runs.project import Project
    from ithaca.store.snapshots.model import Problem

    Progress = Callable[[int, int], None]


def send(
    project: Project,
    url: str,
    snapshots: Sequence[str] = (),
    runs: Sequence[str] = (),
    progress: Progress | None = None,
) -> Transfer:
    """Push snapshots and runs; everything if none are given.

    Args:
        project: The project whose store is pushed.
        url: The remote.
        snapshots: References to snapshots.
        runs: Ids, prefixes of ids, `latest` or URIs.
        progress: Called with the number of objects and bytes so far.
    """
    store, cache = project.store(), project.home / "cache" / "indexes"
    digests: Sequence[str] = [find_snapshot(project.alone(), one)[0] for one in snapshots]
    ids = [find_run(store, parse_reference(one).run) for one in runs]
    documents: Sequence[str] = ()
    names: list[str] = []
    if not digests and not ids:
        digests, documents = store.digests(SNAPSHOTS), store.digests(DOCUMENTS)
        names, ids = list(names_below(store, "keys")), list_runs(store)
    remote = Remote.open(url, create=True)
    done = [push(store, remote, digests, documents=documents, names=names, progress=progress,
                 cache=cache)]  # fmt: skip
    done += [push_run(store, remote, one, progress=progress, cache=cache) for one in ids]
    return Transfer.total(done, requests=remote.requests.total())


def fetch(
    project: Project,
    url: str,
    snapshots: Sequence[str] = (),
    runs: Sequence[str] = (),
    progress: Progress | None = None,
) -> Transfer:
    """Pull snapshots and runs; everything if none are given. Creates the store if it is missing.

    Args:
        project: The project whose store receives them.
        url: The remote.
        snapshots: Digests, or prefixes of digests.
        runs: Ids, prefixes of ids, `latest` or URIs.
        progress: Called with the number of objects and bytes so far.
    """
    remote = Remote.open(url)
    store, cache = project.store(create=True), project.home / "cache" / "indexes"
    digests: Sequence[str] = [resolve(remote, _without_uri(one)) for one in snapshots]
    ids = [_find_run(remote, one) for one in runs]
    documents: Sequence[str] = ()
    names: list[str] = []
    if not digests and not ids:
        digests, documents = list_snapshots(remote), list_documents(remote)
        names, ids = sorted(documents_below(remote, "keys")), list(list_remote_runs(remote))
    done = [pull(store, remote, digests, documents=documents, names=names, progress=progress,
                 cache=cache)]  # fmt: skip
    done += [pull_run(store, remote, one, progress=progress, cache=cache) for one in ids]
    return Transfer.total(done, requests=remote.requests.total())


def check(url: str, progress: Progress | None = None) -> list[Problem]:
    """Read a whole remote; returns its problems."""
    return verify(Remote.open(url), progress=progress)


def _without_uri(text: str) -> str:
    return re.sub(r"^ithaca://[^/]*/snapshots/", "", text.strip())


class _Runs:
    """The runs of a remote, as `find_run` lists them."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def list(self, _prefix: str) -> list[str]:
        return list(list_remote_runs(self._remote))


def _find_run(remote: Remote, text: str) -> str:
    wanted = parse_reference(text).run
    try:
        return find_run(_Runs(remote), wanted)  # type: ignore[arg-type]
    except NotFound:
        raise NotFound("ITH602", f"no run `{wanted}` in the remote", where=remote.url) from None
