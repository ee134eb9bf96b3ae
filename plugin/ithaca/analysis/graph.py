"""Names over the graph of steps: which step binds them, which reads them, which code it needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ithaca.analysis.flow import Flow
from ithaca.analysis.namespace import GONE, HERE, OUTSIDE, Changed, Held, connected

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ithaca.analysis.cells import ParsedCell
    from ithaca.analysis.events import Event
    from ithaca.analysis.shared import Shared
    from ithaca.notebook.model import TaggedStep


@dataclass(eq=False)
class StepFacts:
    """The analysis of one step.

    Attributes:
        step: The step.
        cells: Its parsed cells.
        flow: Its abstract run.
        ancestors: Names of all steps that run before it, by `needs`.
        reach: For each name, the steps whose value reaches the start of this one.
        leaves: For each name, the steps whose value reaches the end of this one.
        carried: What the values hold that its descendants get.
        reads: Values that it reads.
        writes: Values that it writes for later steps.
        parameters: Parameters that it consumes.
        prelude: Shared statements that it runs, by notebook.
        missing: Names that it reads but nothing binds.
    """

    step: TaggedStep
    cells: list[ParsedCell]
    flow: Flow
    ancestors: frozenset[str]
    reach: dict[str, frozenset[str]]
    leaves: dict[str, frozenset[str]] = field(default_factory=dict)
    carried: dict[str, Held] = field(default_factory=dict)
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    parameters: set[str] = field(default_factory=set)
    prelude: dict[int, frozenset[int]] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)
    _reachable: dict[int, set[int]] | None = None

    def reachable(self, scopes: Sequence[Shared]) -> dict[int, set[int]]:
        """The shared definitions that its values may reach, by notebook.

        Args:
            scopes: The shared cells, by notebook.
        """
        if self._reachable is None:
            own = [statement for cell in self.cells for statement in cell.statements]
            self._reachable = {
                index: scopes[index].reachable(statements, own)
                for index, statements in self.prelude.items()
            }
        return self._reachable

    @property
    def name(self) -> str:
        """The step's name."""
        return self.step.name

    def changes(self, name: str) -> bool:
        """Whether the step may change the value of a name."""
        return self.flow.ends(name) != OUTSIDE or name in self.flow.changed


class Graph:
    """The steps of a notebook, run abstractly in workflow order.

    Args:
        scopes: The shared cells, by notebook.
        parameters: What is known of each parameter's value.
        builtins: Names that every kernel provides.
    """

    def __init__(
        self,
        scopes: Sequence[Shared],
        parameters: Mapping[str, Held],
        builtins: frozenset[str],
    ) -> None:
        self.scopes = scopes
        self.parameters = parameters
        self.builtins = builtins
        self.steps: dict[str, StepFacts] = {}

    def add(self, step: TaggedStep, cells: Sequence[tuple[ParsedCell, list[Event]]]) -> None:
        """Run a step abstractly; the steps that it needs must have been added before.

        Args:
            step: The step.
            cells: Its cells with their events.
        """
        parents = [self.steps[name] for name in step.needs if name in self.steps]
        ancestors = frozenset(
            name for parent in parents for name in (*parent.ancestors, parent.name)
        )
        incoming = self._carried(parents)
        known = {**self.parameters, **self.scopes[step.scope].known, **incoming}
        flow = Flow(known, _aliases([self.scopes[step.scope].flow, *(p.flow for p in parents)]))
        facts = StepFacts(step, [cell for cell, _ in cells], flow, ancestors, self._reach(parents))
        for cell, events in cells:
            flow.run(cell, events)
        self._change_with(facts)
        facts.carried = {**incoming, **flow.state.held}
        facts.leaves = dict(facts.reach)
        for name in {*flow.state.origins, *flow.changed}:
            if facts.changes(name) and self._exists(facts, name):
                before = facts.reach.get(name, frozenset())
                kept = before if flow.ends(name) & OUTSIDE else frozenset()
                facts.leaves[name] = kept | {step.name}
        self._resolve(facts)
        self.steps[step.name] = facts

    def finish(self) -> None:
        """Find what each step must write, after all steps were added."""
        for facts in reversed(self.steps.values()):
            for name in facts.writes - facts.reads:
                # Bound on some paths only: on the others the earlier value remains, and only a
                # step that loads it can distinguish these from a deletion.
                if facts.reach.get(name) and facts.flow.ends(name) & OUTSIDE:
                    facts.reads.add(name)
            for name in facts.reads:
                for writer in facts.reach[name]:
                    self.steps[writer].writes.add(name)
        for facts in self.steps.values():
            for name in facts.flow.changed:
                # A value that shares an object with one that is read later must be written too.
                others = connected(name, facts.flow.aliases)
                here = name in facts.reads or name in facts.flow.bound
                if here and any(self._read_after(facts.name, other) for other in others):
                    facts.writes.add(name)

    def descends(self, later: str, earlier: str) -> bool:
        """Whether one step runs after another by `needs`."""
        return earlier in self.steps[later].ancestors

    def _change_with(self, facts: StepFacts) -> None:
        """Add the changes of shared definitions that share an object with a changed value."""
        made = self.scopes[facts.step.scope].binders.keys() | self.parameters.keys()
        flow = facts.flow
        for name in list(flow.changed):
            for other in connected(name, flow.aliases) & made:
                if flow.ends(other) & OUTSIDE and not flow.holds(other).frozen:
                    place = flow.changed[name].place
                    flow.changed.setdefault(other, Changed(place, sure=False))

    def _exists(self, facts: StepFacts, name: str) -> bool:
        """Whether a name belongs to the notebook and is not just a builtin."""
        known = name in facts.reach or name in self.scopes[facts.step.scope].binders
        return known or facts.flow.ends(name) != OUTSIDE or name not in self.builtins

    def _read_after(self, step: str, name: str) -> bool:
        return any(name in facts.reads and step in facts.ancestors for facts in self.steps.values())

    # -- joins

    def _carried(self, parents: Sequence[StepFacts]) -> dict[str, Held]:
        if len(parents) == 1:
            return parents[0].carried
        found: dict[str, Held] = {}
        for parent in parents:
            for name, held in parent.carried.items():
                known = found.get(name)
                found[name] = held if known is None or known == held else known | held
        return found

    def _reach(self, parents: Sequence[StepFacts]) -> dict[str, frozenset[str]]:
        """The steps whose values arrive, without those that a later one certainly replaced."""
        if len(parents) == 1:
            return parents[0].leaves
        found: dict[str, frozenset[str]] = {}
        for parent in parents:
            for name, writers in parent.leaves.items():
                found[name] = found.get(name, frozenset()) | writers
        for name, writers in found.items():
            if len(writers) > 1:
                replaced = {
                    old
                    for writer in writers
                    if not self.steps[writer].flow.ends(name) & OUTSIDE
                    for old in writers & self.steps[writer].ancestors
                }
                found[name] = writers - replaced
        return found

    # -- what a step reads

    def _resolve(self, facts: StepFacts) -> None:
        scope = self.scopes[facts.step.scope]
        wanted: set[str] = set()
        for name in facts.flow.reads:
            writers = facts.reach.get(name, frozenset())
            replaced = any(not self.steps[writer].flow.ends(name) & OUTSIDE for writer in writers)
            here = name in scope.binders
            if here and not replaced:
                wanted.add(name)
            if writers and self._provided(name, writers, here):
                facts.reads.add(name)
                if name in self.parameters and not here and not replaced:
                    facts.parameters.add(name)  # perhaps no writer changed it
            elif not writers and not here and name in self.parameters:
                facts.parameters.add(name)
            elif (not here or writers) and name not in self.builtins:
                facts.missing.add(name)
        self._shared_changes(facts, wanted)
        self._prelude(facts, wanted)

    def _shared_changes(self, facts: StepFacts, wanted: set[str]) -> None:
        """Names that a step changes or may bind, so it must load them without reading them."""
        scope = self.scopes[facts.step.scope]
        # A name that is bound on some paths keeps the shared value on the others.
        kept = {name for name in facts.flow.bound if facts.flow.ends(name) & OUTSIDE}
        for name in kept | (facts.flow.changed.keys() - facts.flow.reads.keys()):
            if name in scope.binders:
                wanted.add(name)
            elif name in self.parameters:
                facts.parameters.add(name)

    def _provided(self, name: str, writers: frozenset[str], here: bool) -> bool:
        """Whether a value may exist: some writer binds it, or changes a shared one."""
        ends = [self.steps[writer].flow.ends(name) for writer in writers]
        if any(end & HERE for end in ends):
            return True
        if any(
            self.steps[w].flow.ends(name) & OUTSIDE and name in self.steps[w].reads for w in writers
        ):
            return True
        return (here or name in self.parameters) and not all(end == GONE for end in ends)

    def _prelude(self, facts: StepFacts, wanted: set[str]) -> None:
        own = facts.step.scope
        found: dict[int, set[int]] = {own: set(self.scopes[own].always)}
        found[own] |= self.scopes[own].needed(wanted)
        # Values may be instances of classes that earlier steps needed, or hold functions.
        for writer in {writer for name in facts.reads for writer in facts.reach[name]}:
            for index, inherited in self.steps[writer].reachable(self.scopes).items():
                found.setdefault(index, set()).update(self._unshadowed(index, own, inherited))
        for index, chosen in found.items():
            if chosen:
                facts.prelude[index] = self.scopes[index].with_needs(chosen)
        for index, kept in facts.prelude.items():
            for statement in kept:
                used = self.scopes[index].statements[statement].used
                facts.parameters |= used & self.parameters.keys()

    def _unshadowed(self, index: int, own: int, statements: set[int]) -> set[int]:
        """Definitions of another notebook whose names this step's own notebook does not bind."""
        if index == own:
            return statements
        mine, theirs = self.scopes[own].binders, self.scopes[index].statements
        return {found for found in statements if not theirs[found].binds & mine.keys()}


def _aliases(flows: Sequence[Flow]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for flow in flows:
        for name, others in flow.aliases.items():
            found.setdefault(name, set()).update(others)
    return found
