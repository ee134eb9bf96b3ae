"""Snapshots and runs on their way between a project's store and a remote."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from ithaca.errors import NotFound
from ithaca.records.journal import find_run, list_runs
from ithaca.records.names import parse_reference
from ithaca.records.travel import names_below, pull_run, push_run
from ithaca.runs.references import find_snapshot
from ithaca.store.naming import DOCUMENTS, SNAPSHOTS
from ithaca.store.remotes import (
    Pulled,
    Pushed,
    Remote,
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


class Travelled(msgspec.Struct, frozen=True, kw_only=True):
    """What travelled: how much of it was missing on the other side.

    Attributes:
        snapshots: Snapshots.
        objects: Files, trees and attributes.
        bytes: Their bytes.
        documents: Documents.
        requests: How many requests it took.
        missing: Digests of what runs name, but this side does not have.
    """

    snapshots: int = 0
    objects: int = 0
    bytes: int = 0
    documents: int = 0
    requests: int = 0
    missing: tuple[str, ...] = ()


def send(
    project: Project,
    url: str,
    snapshots: Sequence[str] = (),
    runs: Sequence[str] = (),
    progress: Progress | None = None,
) -> Travelled:
    """Push snapshots and runs; everything when none is named.

    Args:
        project: Whose store.
        url: The remote.
        snapshots: What `find_snapshot` takes.
        runs: Ids, starts of some, `latest` or URIs.
        progress: Called with the objects and bytes done so far.
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
    return _sum(remote, done)


def fetch(
    project: Project,
    url: str,
    snapshots: Sequence[str] = (),
    runs: Sequence[str] = (),
    progress: Progress | None = None,
) -> Travelled:
    """Pull snapshots and runs; everything when none is named. Makes the store where there is none.

    Args:
        project: Whose store.
        url: The remote.
        snapshots: Digests, or starts of some.
        runs: Ids, starts of some, `latest` or URIs.
        progress: Called with the objects and bytes done so far.
    """
    remote = Remote.open(url)
    store, cache = project.store(create=True), project.home / "cache" / "indexes"
    digests: Sequence[str] = [resolve(remote, _plain(one)) for one in snapshots]
    ids = [_find_run(remote, one) for one in runs]
    documents: Sequence[str] = ()
    names: list[str] = []
    if not digests and not ids:
        digests, documents = list_snapshots(remote), list_documents(remote)
        names, ids = sorted(documents_below(remote, "keys")), list(list_remote_runs(remote))
    done = [pull(store, remote, digests, documents=documents, names=names, progress=progress,
                 cache=cache)]  # fmt: skip
    done += [pull_run(store, remote, one, progress=progress, cache=cache) for one in ids]
    return _sum(remote, done)


def check(url: str, progress: Progress | None = None) -> list[Problem]:
    """Read all of a remote; what is wrong with it."""
    return verify(Remote.open(url), progress=progress)


def _plain(text: str) -> str:
    return re.sub(r"^ithaca://[^/]*/snapshots/", "", text.strip())


class _Runs:
    """The runs of a remote, as far as an id's start needs them."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def list(self, _prefix: str) -> list[str]:
        return list(list_remote_runs(self._remote))


def _find_run(remote: Remote, text: str) -> str:
    wanted = parse_reference(text).run
    try:
        return find_run(_Runs(remote), wanted)  # type: ignore[arg-type]
    except NotFound:
        raise NotFound("ITH602", f"the remote has no run `{wanted}`", where=remote.url) from None


def _sum(remote: Remote, done: Sequence[Pushed | Pulled]) -> Travelled:
    return Travelled(
        snapshots=sum(one.snapshots for one in done),
        objects=sum(one.objects for one in done),
        bytes=sum(one.bytes for one in done),
        documents=sum(one.documents for one in done),
        requests=remote.requests.total(),
        missing=tuple(sorted({digest for one in done for digest in one.missing})),
    )
