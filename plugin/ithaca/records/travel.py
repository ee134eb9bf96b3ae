"""Pushes runs to a remote and pulls them, with everything that their documents refer to."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import msgspec

from ithaca.errors import NotFound
from ithaca.model.run import AttemptEnd, Execution, RunDocument
from ithaca.records import names
from ithaca.records.journal import children, decode
from ithaca.store.remotes import Transfer, documents_below, pull, push

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from ithaca.store import Store
    from ithaca.store.remotes import Remote

    Progress = Callable[[int, int], None]

_HINT = "progress"


def push_run(
    store: Store,
    remote: Remote,
    run_id: str,
    *,
    progress: Progress | None = None,
    cache: Path | None = None,
) -> Transfer:
    """Send a run: its documents, its workflow, its executions and their keys and snapshots.

    What the store does not have (a run may have been pulled without its snapshots) is left out and
    listed in `missing`. The run's document and its end are sent last: once they are visible, so is
    the rest.

    Args:
        store: The store.
        remote: The remote.
        run_id: The run's full id.
        progress: Called with (objects, bytes) as the work proceeds.
        cache: A folder for the index of the remote.

    Raises:
        NotFound: There is no such run.
        StoreError: The remote cannot be reached or written.
    """
    named = [one for one in names_below(store, f"runs/{run_id}") if _kept(one)]
    found = _References(store, decode(store.read(names.run(run_id)), RunDocument, run_id))
    found.add_ends(one for one in named if _is_end(one))
    while found.add_executions():
        pass  # their parents are next
    last = (names.run(run_id), names.run(run_id, "end"))
    keys = (key for key in found.keys if store.exists(key))
    snapshots = [one for one in found.snapshots if _has(store.get_snapshot, one)]
    documents = [one for one in found.documents if _has(store.get, one)]
    lacking = {*found.snapshots, *found.documents} - {*snapshots, *documents}
    sent = push(
        store,
        remote,
        snapshots,
        documents=documents,
        names=[*keys, *(one for one in named if one not in last)],
        progress=progress,
        cache=cache,
    )
    ends = push(store, remote, names=[one for one in named if one in last])
    count = sent.documents + ends.documents
    return msgspec.structs.replace(sent, documents=count, missing=tuple(sorted(lacking)))


def pull_run(
    store: Store,
    remote: Remote,
    run_id: str,
    *,
    snapshots: bool = True,
    progress: Progress | None = None,
    cache: Path | None = None,
) -> Transfer:
    """Fetch a run: its documents, its workflow, its executions, and their keys and snapshots.

    What the remote does not have is left out and listed in `missing`.

    Args:
        store: The store.
        remote: The remote.
        run_id: The run's full id.
        snapshots: Whether to fetch the snapshots; without them nothing can be restored or reused.
        progress: Called with (objects, bytes) as the work proceeds.
        cache: A folder for the index of the remote.

    Raises:
        NotFound: The remote has no such run.
        StoreError: The remote cannot be reached.
    """
    named = sorted(one for one in documents_below(remote, f"runs/{run_id}") if _kept(one))
    last = [one for one in (names.run(run_id), names.run(run_id, "end")) if one in named]
    if names.run(run_id) not in last:
        raise NotFound("ITH602", f"the remote has no run {run_id}", where=remote.url)
    found = _References(
        store, decode(remote.get(names.run(run_id)), RunDocument, names.run(run_id))
    )
    parts = [pull(store, remote, names=[one for one in named if one not in last])]
    found.add_ends(one for one in named if _is_end(one))
    parts.append(pull(store, remote, documents=found.documents, partial=True))
    while new := found.add_executions():
        parts.append(pull(store, remote, documents=new, partial=True))
    if snapshots:
        parts.append(
            pull(store, remote, found.snapshots, partial=True, progress=progress, cache=cache)
        )
        known = [key for key in found.keys if not store.exists(key) and remote.exists(key)]
        parts.append(pull(store, remote, names=known))
    parts.append(pull(store, remote, names=last))
    return Transfer.total(parts)


def names_below(store: Store, folder: str) -> Iterator[str]:
    """Names of all documents below a folder of the store, in order.

    Args:
        store: The store.
        folder: Such as `runs/01J…`.
    """
    for child in children(store, folder):
        name = f"{folder}/{child}"
        if store.exists(name):
            yield name
        yield from names_below(store, name)


@dataclasses.dataclass
class _References:
    """Everything that the documents of a run refer to."""

    store: Store
    run: dataclasses.InitVar[RunDocument]
    documents: dict[str, None] = dataclasses.field(default_factory=dict)
    snapshots: dict[str, None] = dataclasses.field(default_factory=dict)
    keys: dict[str, None] = dataclasses.field(default_factory=dict)
    _looked: set[str] = dataclasses.field(default_factory=set)

    def __post_init__(self, run: RunDocument) -> None:
        self._looked.add(run.workflow)
        self.documents[run.workflow] = None
        self.snapshots[run.source] = None
        self.documents.update((one.execution, None) for one in run.plan if one.execution)

    def add_ends(self, ends: Iterable[str]) -> None:
        """Add what the ends of attempts refer to."""
        for name in ends:
            end = decode(self.store.read(name), AttemptEnd, name)
            if end.execution:
                self.documents[end.execution] = None
            self.snapshots.update((one, None) for one in (end.before, end.after) if one)

    def add_executions(self) -> list[str]:
        """Add what the latest executions refer to; returns the documents that are new."""
        latest = [one for one in self.documents if one not in self._looked]
        self._looked.update(latest)
        for digest in latest:
            try:
                execution = decode(self.store.get(digest), Execution, digest)
            except NotFound:
                continue
            self.snapshots.update({execution.before: None, execution.after: None})
            self.keys[f"keys/{execution.key}"] = None
            self.documents.update((one, None) for one in execution.parents)
        return [one for one in self.documents if one not in self._looked]


def _kept(name: str) -> bool:
    return name.rpartition("/")[2] != _HINT


def _is_end(name: str) -> bool:
    return name.endswith("/end") and name.count("/") == 5


def _has(read: Callable[[str], bytes], digest: str) -> bool:
    try:
        read(digest)
    except NotFound:
        return False
    return True
