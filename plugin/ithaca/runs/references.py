"""Finding snapshots by run and step, and the runs and steps of a snapshot."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import msgspec

from ithaca.errors import NotFound, StoreError, UsageError
from ithaca.records.journal import Journal, list_runs
from ithaca.records.names import parse_reference
from ithaca.runs.handle import open_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ithaca.runs.project import Project
    from ithaca.store import Store


_ENDED = {
    "failed": "failed",
    "timed_out": "timed out",
    "skipped": "was skipped",
    "cancelled": "was cancelled",
    "lost": "was lost",
}


class Owner(msgspec.Struct, frozen=True, kw_only=True):
    """A run and step that a snapshot belongs to.

    Attributes:
        run: The run.
        step: The step; empty for the run's source.
        moment: `source` for the run's source; `before` or `after` the step.
    """

    run: str
    step: str = ""
    moment: Literal["source", "before", "after"]

    def __str__(self) -> str:
        """The form that `find_snapshot` accepts, unless it is a source."""
        return f"{self.run}/{self.step}@{self.moment}" if self.step else f"{self.run} (source)"


def find_snapshot(project: Project, text: str) -> tuple[str, Store]:
    """Find a snapshot.

    Args:
        project: The project.
        text: A digest, the unique start of one, the URI of a snapshot or step, or `RUN/STEP` with
            `@before` or `@after` (the default).

    Returns:
        The digest, and a store that has the snapshot.

    Raises:
        NotFound: There is no such snapshot, run or step, or the step has no snapshot.
        UsageError: The text has none of these forms.

    Example:
        >>> find_snapshot(project, "latest/train@before")[0]  # doctest: +SKIP
        '9f86d081884c7d65…'
    """
    plain = without_uri(text)
    if "/" not in plain and "@" not in plain and plain != "latest":
        return _of_digest(project, plain)
    named, _, moment = plain.partition("@")
    run, step = parse_reference(named)
    if moment not in ("", "before", "after") or step is None:
        raise UsageError(
            "ITH901",
            f"`{text}` does not name a snapshot",
            cure="write a digest, RUN/STEP for the snapshot after a step, or RUN/STEP@before for "
            "the one before it; `ithaca runs show RUN` lists the steps",
        )
    found = open_run(project, run)
    state = found.step(step)
    digest = state.before if moment == "before" else state.after
    if digest is None:
        why = "has not started" if moment == "before" else _ENDED.get(state.status)
        started = moment != "before" and state.before is not None
        raise NotFound(
            "ITH606",
            f'step "{step}" {why or f"is {state.status}"}, so it has no snapshot',
            where=f"run {found.id}",
            cure=f"`{named}@before` names the snapshot that it started from" if started else "",
        )
    return digest, project.store_of(found.id)


def without_uri(text: str) -> str:
    """The digest in the URI of a snapshot; other texts as they are."""
    return re.sub(r"^ithaca://[^/]*/snapshots/", "", text.strip())


def _of_digest(project: Project, start: str) -> tuple[str, Store]:
    """The snapshot with this start of a digest, in the store or else on the remote."""
    from ithaca.store import resolve

    try:
        return resolve(project.store(), start), project.store()
    except NotFound:
        if project.remote is None:
            raise
    from ithaca.store.remotes import Remote
    from ithaca.store.remotes import resolve as resolve_there

    digest = resolve_there(Remote.open(project.remote, writable=False), start)
    return digest, project.shared(project.remote)


def owners(store: Store) -> dict[str, list[Owner]]:
    """The runs and steps that each snapshot belongs to; those that made it come first.

    Args:
        store: The store; runs that cannot be read are skipped.
    """
    made: dict[str, list[Owner]] = {}
    reused: dict[str, list[Owner]] = {}
    for run in list_runs(store):
        try:
            for digest, owner, again in _of_run(store, run):
                (reused if again else made).setdefault(digest, []).append(owner)
        except StoreError:
            continue
    return {
        digest: made.get(digest, []) + reused.get(digest, []) for digest in made.keys() | reused
    }


def _of_run(store: Store, run: str) -> Iterator[tuple[str, Owner, bool]]:
    """Each snapshot of a run, its owner, and whether another run made it."""
    journal = Journal(store, run)
    yield journal.run().source, Owner(run=run, moment="source"), False
    for step in journal.workflow().steps:
        for number in journal.attempts(step.name):
            end = journal.attempt_end(step.name, number)
            if end is None:
                continue
            reused = end.status == "reused"
            if end.after is not None:
                yield end.after, Owner(run=run, step=step.name, moment="after"), reused
            if end.before is not None:
                yield end.before, Owner(run=run, step=step.name, moment="before"), reused
