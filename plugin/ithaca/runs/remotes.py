"""Push snapshots and runs to a remote, and pull them from it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from ithaca.errors import NotFound
from ithaca.records.journal import find_run, list_runs
from ithaca.records.names import parse_reference
from ithaca.records.travel import names_below, pull_run, push_run
from ithaca.runs.references import find_snapshot, without_uri
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
)
from ithaca.store.remotes import list_runs as list_remote_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ithaca.runs.project import Project
    from ithaca.store import Store

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
    store = project.store()
    chosen = _Chosen(
        [find_snapshot(project.alone(), one)[0] for one in snapshots],
        [find_run(store, parse_reference(one).run) for one in runs],
    )
    if not snapshots and not runs:
        keys = list(names_below(store, "keys"))
        chosen = _Chosen(store.digests(SNAPSHOTS), list_runs(store), store.digests(DOCUMENTS), keys)
    remote = Remote.open(url, create=True)
    return _moved(push, push_run, project, store, remote, chosen, progress)


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
    store = project.store(create=True)
    chosen = _Chosen(
        [resolve(remote, without_uri(one)) for one in snapshots],
        [_find_run(remote, one) for one in runs],
    )
    if not snapshots and not runs:
        keys = sorted(documents_below(remote, "keys"))
        ids = list(list_remote_runs(remote))
        chosen = _Chosen(list_snapshots(remote), ids, list_documents(remote), keys)
    return _moved(pull, pull_run, project, store, remote, chosen, progress)


class _Chosen(NamedTuple):
    """What is transferred: digests of snapshots, ids of runs, and documents by digest and name."""

    snapshots: Sequence[str]
    runs: Sequence[str]
    documents: Sequence[str] = ()
    names: Sequence[str] = ()


def _moved(
    move: Callable[..., Transfer],
    move_run: Callable[..., Transfer],
    project: Project,
    store: Store,
    remote: Remote,
    chosen: _Chosen,
    progress: Progress | None,
) -> Transfer:
    shared: dict[str, Any] = {"progress": progress, "cache": project.home / "cache" / "indexes"}
    digests, documents, names = chosen.snapshots, chosen.documents, chosen.names
    done = [move(store, remote, digests, documents=documents, names=names, **shared)]
    done += [move_run(store, remote, run, **shared) for run in chosen.runs]
    return Transfer.total(done, requests=remote.requests.total())


def _find_run(remote: Remote, text: str) -> str:
    wanted = parse_reference(text).run
    known = SimpleNamespace(list=lambda _folder: list(list_remote_runs(remote)))
    try:
        return find_run(known, wanted)
    except NotFound:
        raise NotFound("ITH602", f"no run `{wanted}` in the remote", where=remote.url) from None
