"""Runs events on an abstract namespace: what a step reads, binds, deletes and changes.

For every name, the namespace holds where its value may come from (another step, bound here, deleted
here, on some path) and which definitions that value may hold. Reading a name that holds a function
also reads what the function's body reads. So the analysis follows names through any number of
functions, classes and containers, in any cell.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ithaca.analysis.events import (
    Bind,
    Branch,
    Definition,
    Delete,
    Event,
    How,
    Loop,
    Read,
    Sources,
    Stop,
    Touch,
    Try,
    Use,
)
from ithaca.analysis.namespace import (
    GONE,
    HERE,
    NOTHING,
    OUTSIDE,
    Access,
    Changed,
    Held,
    Level,
    Place,
    State,
    connected,
)

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ithaca.analysis.cells import ParsedCell

_order = attrgetter("order")

_PASSES = 8
"""How often to run a loop's body abstractly; longer chains of assignments do not occur."""


@dataclass(slots=True)
class Flow:
    """The abstract run of a step, or of a notebook's shared cells.

    Attributes:
        incoming: What is known about the names of other steps.
        aliases: Names that may share an object without a call in between, both ways.
        reads: Names that it reads and other steps bind.
        noted: Reads since the caller last cleared it.
        changed: Names of other steps whose value may change in place.
        bound: Where names are first bound.
        deleted: Where names are deleted.
        lost: Reads of names that the step itself deleted.
        settings: Places that change an imported object.
    """

    incoming: Mapping[str, Held]
    aliases: dict[str, set[str]] = field(default_factory=dict)
    reads: dict[str, Access] = field(default_factory=dict)
    noted: set[str] = field(default_factory=set)
    changed: dict[str, Changed] = field(default_factory=dict)
    bound: dict[str, Place] = field(default_factory=dict)
    deleted: dict[str, Place] = field(default_factory=dict)
    lost: dict[str, Place] = field(default_factory=dict)
    settings: dict[str, Place] = field(default_factory=dict)
    cells: dict[str, set[int]] = field(default_factory=dict)
    state: State = field(default_factory=State)
    _cell: ParsedCell | None = None
    _collectors: list[State | None] = field(default_factory=list)
    _applied: dict[tuple[object, ...], int] = field(default_factory=dict)
    _version: int = 0

    def run(self, cell: ParsedCell, events: Sequence[Event]) -> None:
        """Run the events of one cell, or of one of its statements."""
        self._cell = cell
        self._sequence(events)
        self.state.dead = False

    def ends(self, name: str) -> int:
        """Where a name's value may come from at the end."""
        return self.state.origins.get(name, OUTSIDE)

    def holds(self, name: str) -> Held:
        """What is known about a name's value now."""
        held = self.state.held.get(name)
        return held if held is not None else self.incoming.get(name, NOTHING)

    # -- paths

    def _enter(self, state: State) -> None:
        """Continue in another state."""
        self.state = state
        self._version += 1

    def _sequence(self, events: Sequence[Event]) -> None:
        for event in events:
            if self.state.dead:
                return
            _RUN[type(event)](self, event)

    def _branch(self, event: Branch) -> None:
        before, joined = self.state, None
        for path in event.paths:
            self._enter(before.copy())
            self._sequence(path)
            joined = self._join(joined, self.state)
        self._enter(joined or before)

    def _loop(self, event: Loop) -> None:
        for _ in range(_PASSES):
            before = self.state.copy()
            self._collectors.append(None)
            self._sequence(event.body)
            left = self._collectors.pop()
            self._enter(self._join(self._join(before, self.state), left))
            if self.state == before:
                break
        self._sequence(event.orelse)

    def _try(self, event: Try) -> None:
        # A handler may start after any part of the body.
        start: State | None = self.state.copy()
        self._collectors.append(None)
        for part in event.body:
            if self.state.dead:
                break
            self._sequence([part])
            start = self._join(start, self.state)
        start = self._join(start, self._collectors.pop())
        self._sequence(event.orelse)
        joined: State | None = self.state
        anywhere = self._join(start.copy(), joined)
        for handler in event.handlers:
            self._enter(start.copy())
            self._sequence(handler)
            anywhere = self._join(anywhere, self.state)
            joined = self._join(joined, self.state)
        self._finally(event, joined or anywhere, anywhere)

    def _finally(self, event: Try, ends: State, anywhere: State) -> None:
        if not event.final:
            self._enter(ends)
            return
        # `finally` may start anywhere, but the code after it follows a regular end.
        self._enter(anywhere.copy())
        self.state.dead = False
        self._sequence(event.final)
        if ends.dead:
            self.state.dead = True
        else:
            self._enter(ends.copy())
            self._sequence(event.final)

    def _stop(self, _: Stop) -> None:
        if not self._collectors:
            return
        for index, collected in enumerate(self._collectors):
            self._collectors[index] = self._join(collected, self.state.copy())
        self.state.dead = True

    def _join(self, one: State | None, other: State | None) -> State:
        if one is None or (one.dead and other is not None):
            return other if other is not None else State(dead=True)
        if other is None or other.dead or other is one:
            return one
        origins = {
            name: one.origins.get(name, OUTSIDE) | other.origins.get(name, OUTSIDE)
            for name in one.origins.keys() | other.origins.keys()
        }
        held: dict[str, Held] = {}
        for name in one.held.keys() | other.held.keys():
            outside = self.incoming.get(name, NOTHING)
            first, second = one.held.get(name, outside), other.held.get(name, outside)
            held[name] = first if first == second else first | second
        return State(origins, held)

    # -- names

    def _read(self, event: Read) -> None:
        self._note(event.name, event.node, Level.DIRECT, event.guarded, event.how)
        definitions = self.holds(event.name).definitions
        if definitions:
            plain = self.holds(event.name).plain if event.how == How.CALLED else None
            self._possibly_run(definitions, plain, event.node, event.how)

    def _use(self, event: Use) -> None:
        self._possibly_run([event.definition], None, event.node, event.how)

    def _note(
        self,
        name: str,
        node: ast.AST,
        level: Level,
        guarded: bool,
        how: How,
        through: Definition | None = None,
    ) -> None:
        origin = self.ends(name)
        if not origin & OUTSIDE:
            if origin == GONE and level < Level.POSSIBLE and not guarded:
                self.lost.setdefault(name, self._place(node))
            return
        self.noted.add(name)
        optional = guarded or origin != OUTSIDE
        known = self.reads.get(name)
        rank = (optional, level, how == How.VALUE)
        if known is not None and known.rank <= rank:
            return
        place = self._place(node)
        first = known.first if known else place.cell.cell.number
        self.reads[name] = Access(place, level, optional, how != How.VALUE, through, first)

    def _possibly_run(
        self,
        definitions: Iterable[Definition],
        called: Definition | None,
        node: ast.AST,
        how: How,
    ) -> None:
        """Apply definitions that a value holds and that may run; `called` certainly runs."""
        key = (frozenset(definitions), called, how != How.VALUE)
        if self._applied.get(key) == self._version:
            return
        self._applied[key] = self._version
        seen = dict.fromkeys(sorted(key[0], key=_order), Level.POSSIBLE)
        if called is not None and called in seen and called.kind == "function":
            seen[called] = Level.CALLED
        pending = list(reversed(seen.items()))
        while pending:
            definition, level = pending.pop()
            for inner, sure in self._body(definition, level, node, how):
                if inner not in seen or seen[inner] > sure:
                    seen[inner] = sure
                    pending.append((inner, sure))

    def _body(
        self, definition: Definition, level: Level, node: ast.AST, how: How
    ) -> list[tuple[Definition, Level]]:
        """Apply one body; return the definitions that it may run in turn."""
        found = [(inner, Level.POSSIBLE) for inner in definition.inner]
        for name, use in definition.reads.items():
            own = use.guarded or name in definition.binds
            self._note(name, node, level, own, how, definition)
            held = self.holds(name)
            for inner in sorted(held.definitions, key=_order):
                surely = use.how == How.CALLED and inner is held.plain and inner.kind == "function"
                found.append((inner, level if surely else Level.POSSIBLE))
        for name, place in definition.binds.items():
            self._bind_later(name, place, definition)
        for name in definition.deletes:
            self._mark(name, self.ends(name) | GONE)
            self._record(self.deleted, name, self._place(node))
        for name, sure in definition.touches.items():
            self._change(name, node, sure=sure, called=True)
        return found

    def _bind_later(self, name: str, node: ast.AST, definition: Definition) -> None:
        """Apply a binding in a body that may run: the earlier value may remain."""
        held = self.holds(name) | Held(self._flows(definition.sources))
        self._hold(name, held)
        self._mark(name, self.ends(name) | HERE)
        self._record(self.bound, name, Place(definition.cell, node))

    def _bind(self, event: Bind) -> None:
        sources = event.sources
        frozen = event.frozen or self._copies_frozen(sources)
        held = Held(self._flows(sources), event.plain, frozen, event.imported)
        self._hold(event.name, held)
        self._mark(event.name, HERE)
        self._record(self.bound, event.name, self._place(event.node))
        if not frozen:
            self._connect(event.name, sources.aliases)

    def _copies_frozen(self, sources: Sources) -> bool:
        """Whether an assignment only copies a value that cannot change: `y = x`."""
        if not sources.aliases or sources.calls or sources.definitions:
            return False
        same = sources.values == set(sources.aliases)
        return same and all(self.holds(name).frozen for name in sources.aliases)

    def _connect(self, name: str, others: Iterable[str]) -> None:
        for other in others:
            held = self.holds(other)
            if other != name and not (held.frozen or held.imported):
                self.aliases.setdefault(name, set()).add(other)
                self.aliases.setdefault(other, set()).add(name)

    def _delete(self, event: Delete) -> None:
        self._mark(event.name, GONE)
        if not event.implied:
            self._record(self.deleted, event.name, self._place(event.node))

    def _touch(self, event: Touch) -> None:
        self._change(event.name, event.node, sure=event.sure, called=event.called)
        held = self.holds(event.name)
        if not (held.frozen or held.imported or held.plain):
            gained = self._flows(event.sources)
            if not gained <= held.definitions:
                self._hold(event.name, replace(held, definitions=held.definitions | gained))

    def _change(self, name: str, node: ast.AST, *, sure: bool, called: bool) -> None:
        place, held = self._place(node), self.holds(name)
        if held.frozen:
            return
        if held.imported:
            if sure and not called:
                self.settings.setdefault(name, place)
            return
        if held.plain is not None and not sure and not (called and held.plain.stateful):
            return
        for other in connected(name, self.aliases):
            if self.ends(other) & OUTSIDE and (other == name or other in self.reads):
                known = self.changed.setdefault(other, Changed(place, sure))
                known.sure = known.sure or sure
                self.cells.setdefault(other, set()).add(place.cell.cell.number)

    # -- bookkeeping

    def _flows(self, sources: Sources) -> frozenset[Definition]:
        """The definitions that may flow out of a statement."""
        found: set[Definition] = set(sources.definitions)
        for name in sources.values:
            found |= self.holds(name).definitions
        seen: set[Definition] = set()
        for name in sources.calls:
            self._results(name, found, seen)
        return frozenset(found)

    def _results(self, name: str, found: set[Definition], seen: set[Definition]) -> None:
        """What a call of a name may return: of a plain function only what its body mentions."""
        held = self.holds(name)
        plain = held.plain
        if plain is None or plain.kind != "function":
            found |= held.definitions
            return
        if plain in seen:
            return
        seen.add(plain)
        found.update(held.definitions - {plain})
        found.update(plain.inner)
        for inner in plain.sources.values:
            found |= self.holds(inner).definitions
        for inner in plain.sources.calls:
            self._results(inner, found, seen)

    def _mark(self, name: str, origin: int) -> None:
        if self.ends(name) != origin:
            self.state.origins[name] = origin
            self._version += 1

    def _hold(self, name: str, held: Held) -> None:
        if self.state.held.get(name) != held:
            self.state.held[name] = held
            self._version += 1

    def _place(self, node: ast.AST) -> Place:
        assert self._cell is not None
        return Place(self._cell, node)

    def _record(self, places: dict[str, Place], name: str, place: Place) -> None:
        assert self._cell is not None
        places.setdefault(name, place)
        self.cells.setdefault(name, set()).add(self._cell.cell.number)


_RUN: dict[type, Callable[[Flow, Any], None]] = {
    Read: Flow._read,
    Use: Flow._use,
    Bind: Flow._bind,
    Delete: Flow._delete,
    Touch: Flow._touch,
    Branch: Flow._branch,
    Loop: Flow._loop,
    Try: Flow._try,
    Stop: Flow._stop,
}
