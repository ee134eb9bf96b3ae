"""Checking a whole store: what its snapshots need, and what runs and keys say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.errors import Corrupt, NotFound
from ithaca.model.run import AttemptEnd, AttemptStart, Event, RunDocument, RunEnd
from ithaca.planning.keys import Known
from ithaca.records.journal import children, decode, list_runs
from ithaca.store.naming import DAMAGED_FOLDER, document_path
from ithaca.store.snapshots.model import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    import msgspec

    from ithaca.store import Store


def verify(store: Store, *, repair: bool = False) -> list[Problem]:
    """Check every byte against its name, every snapshot, and every document of runs and keys.

    Args:
        store: What to check.
        repair: Move what is damaged to `damaged/`: a run writes objects and keys anew; a run whose
            own documents are gone is lost, and can be retried unless its first one is gone.

    Returns:
        What is wrong, also what was set aside; empty when all is right.
    """
    from ithaca.store import verify as verify_objects

    problems = verify_objects(store, repair=repair)
    for name, kind in _documents(store):
        try:
            decode(store.read(name), kind, name)
        except NotFound:
            continue  # somebody has just removed it
        except Corrupt as error:
            aside = f"; moved to {_set_aside(store, name)}" if repair else ""
            problems.append(Problem(kind="document", name=name, message=error.message + aside))
    return problems


def _documents(store: Store) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """The names of all documents that are told by name, and what each has to be."""
    for key in children(store, "keys/"):
        yield f"keys/{key}", Known
    kinds: dict[str, type[msgspec.Struct]] = {"run": RunDocument, "end": RunEnd}
    for run in list_runs(store):
        yield from _in(store, f"runs/{run}/", kinds)
        for event in children(store, f"runs/{run}/events/"):
            yield f"runs/{run}/events/{event}", Event
        for step in children(store, f"runs/{run}/steps/"):
            for number in children(store, f"runs/{run}/steps/{step}/"):
                folder = f"runs/{run}/steps/{step}/{number}/"
                yield from _in(store, folder, {"start": AttemptStart, "end": AttemptEnd})


def _in(
    store: Store, folder: str, kinds: dict[str, type[msgspec.Struct]]
) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    found = children(store, folder)
    yield from ((folder + name, kind) for name, kind in kinds.items() if name in found)


def _set_aside(store: Store, name: str) -> str:
    target = store.path / DAMAGED_FOLDER / name.replace("/", "-")
    target.parent.mkdir(exist_ok=True)
    (store.path / document_path(name)).replace(target)
    return f"{DAMAGED_FOLDER}/{target.name}"
