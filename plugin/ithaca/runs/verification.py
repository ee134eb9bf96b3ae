"""Verify a whole store: its snapshots, and the documents of runs and keys."""

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
    """Verify every object, every snapshot, and every document of runs and keys.

    Args:
        store: The store.
        repair: Move damaged files to `damaged/`. The next run writes objects and keys again. A run
            whose documents are damaged is lost; it can be retried if its first document is intact.

    Returns:
        The problems, including those that were moved away; empty if there are none.
    """
    from ithaca.store import verify as verify_objects

    problems = verify_objects(store, repair=repair)
    for name, kind in _documents(store):
        try:
            decode(store.read(name), kind, name)
        except NotFound:
            continue  # removed meanwhile
        except Corrupt as error:
            aside = f"; moved to {_set_aside(store, name)}" if repair else ""
            problems.append(Problem(kind="document", name=name, message=error.message + aside))
    return problems


def _documents(store: Store) -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """The names of all documents of runs and keys, and the type of each."""
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
