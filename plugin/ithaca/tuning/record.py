"""The documents of one study, and its state as a fold over them."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec
from ulid import ULID

from ithaca.errors import NotFound, UsageError, suggest
from ithaca.model.study import (
    SessionEnd,
    SessionStart,
    StudyDocument,
    TrialEnd,
    TrialPruned,
    TrialStart,
    TrialState,
)
from ithaca.records import names
from ithaca.records.journal import children, decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ithaca.model.study import Objective
    from ithaca.store import Documents

Kind = TypeVar("Kind")


class TrialRecord(msgspec.Struct, frozen=True, kw_only=True):
    """How one trial stands.

    Attributes:
        number: Its number in the study, from 0.
        state: `running`, or how it ended.
        attempt: How often it was started.
        run: Id of the run of its last attempt.
        parameters: The searched parameters.
        started: When its first attempt started, in seconds since the epoch.
        end: Its result, once it has one.
        pruned: Set if the pruner ended its last attempt.
    """

    number: int
    state: Literal["running"] | TrialState
    attempt: int
    run: str
    parameters: dict[str, Any]
    started: float
    end: TrialEnd | None = None
    pruned: TrialPruned | None = None


class StudyRecord:
    """The documents of one study. Those that never change are read once.

    Args:
        store: The store.
        name: The study's name.
    """

    def __init__(self, store: Documents, name: str) -> None:
        self.store = store
        self.name = name
        self._kept: dict[str, Any] = {}

    def study(self) -> StudyDocument:
        """The study's document.

        Raises:
            NotFound: There is no such study.
        """
        found: StudyDocument = self._keep(names.study(self.name), StudyDocument)
        return found

    def create(self, document: StudyDocument) -> bool:
        """Write the study's document; False if there is one already."""
        return self._create(names.study(self.name), document)

    def run_id(self, number: int, attempt: int) -> str:
        """Id for the run of a trial's attempt: of this moment, and of study, number and attempt.

        Args:
            number: Number of the trial.
            attempt: Its attempt, from 1.
        """
        text = f"{self.name}\0{self.study().created!r}\0{number}\0{attempt}"
        moment = int(time.time() * 1000).to_bytes(6, "big")
        return str(ULID(moment + hashlib.blake2b(text.encode(), digest_size=10).digest()))

    def start_session(self, session: SessionStart) -> None:
        """Record that a driver began."""
        self._create(names.study(self.name, f"sessions/{session.id}/start"), session)

    def end_session(self, session: str, end: SessionEnd) -> None:
        """Record why a driver stopped."""
        self._create(names.study(self.name, f"sessions/{session}/end"), end)

    def sessions(self) -> list[tuple[SessionStart, SessionEnd | None]]:
        """All sessions, oldest first, each with its end."""
        found = []
        for each in children(self.store, names.study(self.name, "sessions/")):
            folder = names.study(self.name, f"sessions/{each}")
            end = self._optional(f"{folder}/end", SessionEnd)
            found.append((self._keep(f"{folder}/start", SessionStart), end))
        return found

    def start_trial(self, start: TrialStart) -> TrialStart:
        """Record that an attempt of a trial begins; returns the first one that was recorded."""
        name = names.trial(self.name, start.number, f"{start.attempt}/start")
        self._create(name, start)
        found: TrialStart = self._keep(name, TrialStart)
        return found

    def prune_trial(self, pruned: TrialPruned) -> None:
        """Record that the pruner ends a trial."""
        self._create(names.trial(self.name, pruned.number, f"{pruned.attempt}/pruned"), pruned)

    def end_trial(self, end: TrialEnd) -> TrialEnd:
        """Record the result of a trial; returns the first one that was recorded."""
        name = names.trial(self.name, end.number, "end")
        self._create(name, end)
        found: TrialEnd = self._keep(name, TrialEnd)
        return found

    def trial(self, number: int) -> TrialRecord | None:
        """How a trial stands; None if none of its attempts was recorded."""
        folder = names.trial(self.name, number, "")
        attempts = sorted(int(each) for each in children(self.store, folder) if each.isdigit())
        if not attempts:
            return None
        starts = [self._keep(f"{folder}{each}/start", TrialStart) for each in attempts]
        end = self._optional(f"{folder}end", TrialEnd)
        last = starts[-1]
        return TrialRecord(
            number=number,
            state="running" if end is None else end.state,
            attempt=last.attempt,
            run=last.run,
            parameters=last.parameters,
            started=starts[0].started,
            end=end,
            pruned=self._optional(f"{folder}{last.attempt}/pruned", TrialPruned),
        )

    def trials(self) -> list[TrialRecord]:
        """All trials that were started, in order."""
        numbers = sorted(int(each) for each in children(self.store, names.trials(self.name)))
        return [found for each in numbers if (found := self.trial(each)) is not None]

    def ask_to_stop(self) -> None:
        """Ask the driver to start no further trial."""
        self.store.create(names.study(self.name, f"stops/{ULID()}"), b"{}")

    def stops_since(self, session: str) -> bool:
        """Whether somebody asked the study to stop after a session began."""
        self.store.invalidate()
        asked = children(self.store, names.study(self.name, "stops/"))
        return any(each > session for each in asked)

    def _create(self, name: str, document: msgspec.Struct) -> bool:
        return self.store.create(name, msgspec.json.encode(document))

    def _optional(self, name: str, kind: type[Kind]) -> Kind | None:
        try:
            return self._keep(name, kind)
        except NotFound:
            return None

    def _keep(self, name: str, kind: type[Kind]) -> Kind:
        if name not in self._kept:
            self._kept[name] = decode(self.store.read(name), kind, name)
        found: Kind = self._kept[name]
        return found


def best_of(trials: Sequence[TrialRecord], objectives: Sequence[Objective]) -> list[TrialRecord]:
    """The best feasible trials: one for a single objective, else the Pareto front.

    Args:
        trials: The trials.
        objectives: What is optimised.
    """
    complete = [each for each in trials if each.end and each.end.state == "complete"]
    feasible = [each for each in complete if each.end and each.end.feasible]
    signs = [1.0 if each.direction == "minimize" else -1.0 for each in objectives]

    def costs(trial: TrialRecord) -> tuple[float, ...]:
        assert trial.end is not None
        return tuple(sign * value for sign, value in zip(signs, trial.end.values, strict=True))

    if len(objectives) == 1:
        return [min(feasible, key=costs)] if feasible else []
    return [
        each
        for each in feasible
        if not any(_dominates(costs(other), costs(each)) for other in feasible)
    ]


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def list_studies(store: Documents) -> list[str]:
    """Names of all studies, sorted."""
    return children(store, "studies/")


def find_study(store: Documents, name: str) -> StudyRecord:
    """A study by its name.

    Raises:
        UsageError: There is none.
    """
    known = list_studies(store)
    if name in known:
        return StudyRecord(store, name)
    raise UsageError(
        "ITH704",
        f'there is no study "{name}"{suggest(name, known)}',
        cure="`ithaca studies list` shows the names"
        if known
        else "start one with `ithaca tune NOTEBOOK`",
    )
