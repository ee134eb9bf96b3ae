"""The documents of one run, read from and written to a store."""

from __future__ import annotations

import contextlib
import getpass
import time
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from ulid import ULID

from ithaca.compiling.load import from_json
from ithaca.errors import Corrupt, NotFound, StoreError, UsageError
from ithaca.model.run import (
    AttemptEnd,
    AttemptStart,
    Event,
    Progress,
    Reports,
    RunDocument,
    RunEnd,
)
from ithaca.records import names
from ithaca.records.fold import Document, RunState, fold

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ithaca.model.workflow import Workflow
    from ithaca.store import Documents

Kind = TypeVar("Kind")

TERMINATED = "ITH522"
"""Code of the error of an attempt whose pod was terminated, for a reason that it does not know."""
VANISHED = "ITH537"
"""Code of the error of an attempt whose pod vanished, for a reason that is not known yet."""
UNEXPLAINED = (TERMINATED, VANISHED)
"""Codes of errors whose reason may become known later."""


def needs_reason(end: AttemptEnd) -> bool:
    """Whether a better reason for the end of an attempt may become known later."""
    return end.error is not None and (end.error.code in UNEXPLAINED or end.infrastructure)


class Journal:
    """The documents of one run.

    Documents that never change (the run's own, its workflow, ends) are read once and kept, so that
    views can ask for the state often.

    Args:
        store: The store.
        run_id: The run's full id.
    """

    def __init__(self, store: Documents, run_id: str) -> None:
        self.store = store
        self.id = run_id
        self._kept: dict[str, Any] = {}

    def over(self, store: Documents) -> Journal:
        """The same run read from another store, such as a `Draft` over this one."""
        found = Journal(store, self.id)
        found._kept = dict(self._kept)
        return found

    def run(self) -> RunDocument:
        """The run's document.

        Raises:
            NotFound: There is no such run.
        """
        return self._keep(names.run(self.id), RunDocument)

    def workflow(self) -> Workflow:
        """The run's workflow."""
        digest = self.run().workflow
        if digest not in self._kept:
            self._kept[digest] = from_json(self.store.get(digest), where=f"run {self.id}")
        found: Workflow = self._kept[digest]
        return found

    def create(self, name: str, document: msgspec.Struct) -> bool:
        """Write a document once; False when it was there already."""
        return self.store.create(name, msgspec.json.encode(document))

    def end(self, status: Any, message: str = "") -> bool:
        """Write the end of the run; False when it has one already."""
        return self.create(
            names.run(self.id, "end"), RunEnd(status=status, ended=time.time(), message=message)
        )

    def start_attempt(self, step: str, number: int, *, writer: str, memory: str = "") -> None:
        """Write the start of an attempt; the first one stays.

        Args:
            step: The step.
            number: The attempt.
            writer: Who executes it.
            memory: Its limit of memory, where it has one.
        """
        start = AttemptStart(
            step=step, attempt=number, started=time.time(), writer=writer, memory=memory
        )
        self.create(names.attempt(self.id, step, number, "start"), start)

    def end_attempt(self, end: AttemptEnd) -> bool:
        """Write the end of an attempt; False when it has one already, which stays."""
        return self.create(names.attempt(self.id, end.step, end.attempt, "end"), end)

    def ask(self, kind: Any, *, step: str | None = None, comment: str = "", by: str = "") -> Event:
        """Write what a person asks of the run; by default the user of this process."""
        who = by or _person()
        event = Event(id=str(ULID()), kind=kind, at=time.time(), by=who, step=step, comment=comment)
        self.create(names.event(self.id, event.id), event)
        return event

    def ended(self) -> RunEnd | None:
        """The run's end, or None."""
        return self._find(names.run(self.id, "end"), RunEnd)

    def events(self) -> list[Event]:
        """The events of the run, oldest first."""
        folder = names.event(self.id, "")
        return [self._keep(folder + name, Event) for name in children(self.store, folder)]

    def is_cancelled(self) -> bool:
        """Whether a person cancelled the run."""
        return any(each.kind == "cancel" for each in self.events())

    def attempts(self, step: str) -> list[int]:
        """Numbers of the attempts of a step, in order."""
        folder = f"runs/{self.id}/steps/{step}/"
        return sorted(int(name) for name in children(self.store, folder) if name.isdigit())

    def attempt_end(self, step: str, number: int) -> AttemptEnd | None:
        """The end of an attempt, or None."""
        end = self._find(names.attempt(self.id, step, number, "end"), AttemptEnd)
        return None if end is None else self._explained(end)

    def ends(self, step: str) -> list[AttemptEnd]:
        """How the attempts of a step ended, in order."""
        found = (self.attempt_end(step, number) for number in self.attempts(step))
        return [end for end in found if end is not None]

    def attempt_start(self, step: str, number: int) -> AttemptStart | None:
        """The start of an attempt, or None."""
        return self._find(names.attempt(self.id, step, number, "start"), AttemptStart)

    def progress(self, step: str, number: int) -> Progress | None:
        """The progress of an attempt; None when it is unknown."""
        try:
            name = names.attempt(self.id, step, number, "progress")
            return msgspec.json.decode(self.store.read(name), type=Progress)
        except (StoreError, msgspec.MsgspecError):
            return None

    def reports(self) -> dict[int, float]:
        """What the steps reported so far with `ithaca.report`, by step number.

        Of an attempt that was repeated, the last one counts.
        """
        found: dict[int, float] = {}
        for planned in self.run().plan:
            if planned.action == "run" and (numbers := self.attempts(planned.step)):
                name = names.attempt(self.id, planned.step, numbers[-1], "reports")
                with contextlib.suppress(StoreError, msgspec.MsgspecError, ValueError):
                    content = self.store.read(name)
                    found |= msgspec.json.decode(content, type=Reports).numbers()
        return found

    def notebook(self, step: str, number: int) -> bytes:
        """The executed notebook of an attempt.

        Raises:
            NotFound: There is none yet.
        """
        return self.store.read(names.attempt(self.id, step, number, "notebook.ipynb"))

    def has_log(self, step: str, number: int) -> bool:
        """Whether an attempt has a log."""
        try:
            self.store.read(names.log(self.id, step, number, 0))
        except NotFound:
            return False
        return True

    def log(self, step: str, number: int, *, start: int = 0) -> tuple[bytes, int]:
        """The log of an attempt, from a chunk on.

        Args:
            step: The step.
            number: The attempt.
            start: The first chunk.

        Returns:
            The bytes, and the number of the next chunk.
        """
        text = b""
        while True:
            try:
                text += self.store.read(names.log(self.id, step, number, start))
            except NotFound:
                return text, start
            start += 1

    def state(self, *, alive: bool = True) -> RunState:
        """The state of the run and its steps; `alive` is whether the run's owner exists."""
        return fold(self.run(), self.workflow(), list(self._documents()), alive=alive)

    def _documents(self) -> Iterator[tuple[str, Document]]:
        end = self.ended()
        if end is not None:
            yield "end", end
        for event in self.events():
            yield f"events/{event.id}", event
        for step in self.workflow().steps:
            for number in self.attempts(step.name):
                folder = names.attempt(self.id, step.name, number, "")
                for name in children(self.store, folder):
                    place, kind = f"{step.name}/{number}/{name}", name.partition(".")[0]
                    if kind == "start":
                        yield place, self._keep(folder + name, AttemptStart)
                    elif kind == "end":
                        yield place, self._explained(self._keep(folder + name, AttemptEnd))

    def _explained(self, end: AttemptEnd) -> AttemptEnd:
        """The end with its reason, where that became known later."""
        return (self._reason(end) if needs_reason(end) else None) or end

    def _reason(self, end: AttemptEnd) -> AttemptEnd | None:
        return self._find(names.attempt(self.id, end.step, end.attempt, "reason"), AttemptEnd)

    def unexplained(self) -> bool:
        """Whether an attempt was lost and its engine may still give a better reason."""
        if not self.run().store:
            return False  # it ran on this machine, without an engine
        ends = (
            self._find(names.attempt(self.id, step.name, number, "end"), AttemptEnd)
            for step in self.workflow().steps
            for number in self.attempts(step.name)
        )
        return any(end and needs_reason(end) and self._reason(end) is None for end in ends)

    def _keep(self, name: str, kind: type[Kind]) -> Kind:
        if name not in self._kept:
            self._kept[name] = decode(self.store.read(name), kind, name)
        found: Kind = self._kept[name]
        return found

    def _find(self, name: str, kind: type[Kind]) -> Kind | None:
        try:
            return self._keep(name, kind)
        except NotFound:
            return None


def decode(data: bytes, kind: type[Kind], name: str) -> Kind:
    """A document's content.

    Raises:
        Corrupt: It is not such a document.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Corrupt(
            "ITH601",
            f"the document is not a {kind.__name__}: {error}",
            where=name,
            cure="if a newer Ithaca wrote it, update this one; else `ithaca snapshots verify "
            "--repair` moves it to `damaged`",
        ) from None


def children(store: Documents, folder: str) -> list[str]:
    """Names of a folder's children without the folder; empty when there is no such folder."""
    try:
        found = store.list(folder)
    except NotFound:
        return []
    return [name.removeprefix(folder).rstrip("/") for name in found]


def list_runs(store: Documents) -> list[str]:
    """Ids of all runs, oldest first."""
    return sorted(children(store, "runs/"))


def find_run(store: Documents, text: str) -> str:
    """The full id of a run.

    Args:
        store: The store.
        text: An id, the start of one, or `latest`.

    Raises:
        NotFound: No run has such an id.
        UsageError: Several have.
    """
    known = list_runs(store)
    if text == "latest":
        if known:
            return known[-1]
        raise NotFound(
            "ITH602", "there are no runs yet", cure="start one with `ithaca run NOTEBOOK`"
        )
    found = [each for each in known if each.startswith(text.upper())]
    if not found:
        raise NotFound(
            "ITH602", f"there is no run `{text}`", cure="`ithaca runs list` shows the ids"
        )
    if len(found) > 1:
        raise UsageError(
            "ITH902",
            f"`{text}` matches {len(found)} runs: {', '.join(found[:4])}",
            cure="give more of the id",
        )
    return found[0]


def _person() -> str:
    """The user's name, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"
