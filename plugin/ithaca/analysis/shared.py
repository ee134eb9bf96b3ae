"""The statements of `imports` and `functions` cells, and which of them a step needs."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ithaca.analysis.digest import canonical
from ithaca.analysis.events import (
    Bind,
    Branch,
    Definition,
    Event,
    Loop,
    Read,
    Touch,
    Try,
    Use,
)
from ithaca.analysis.flow import Flow
from ithaca.analysis.magics import is_magic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ithaca.analysis.cells import ParsedCell
    from ithaca.analysis.namespace import Held
    from ithaca.model.workflow import CodeKind

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_LASTING = (*_DEFINITIONS, ast.Lambda, ast.GeneratorExp, ast.Yield, ast.YieldFrom)
WORD = re.compile(r"[^\W\d]\w*")


@dataclass(eq=False)
class SharedStatement:
    """A top-level statement of a shared cell.

    Attributes:
        cell: Its cell.
        node: The statement.
        events: What it does.
        section: `imports` or `functions`, by its cell's tag.
        role: `import`, `definition` or `other`.
        used: Names from outside that running it reads, through what it calls too.
    """

    cell: ParsedCell
    node: ast.stmt
    events: list[Event]
    section: CodeKind
    role: str
    used: frozenset[str] = frozenset()

    @cached_property
    def binds(self) -> frozenset[str]:
        """Names that it may bind itself."""
        return frozenset(event.name for event in flattened(self.events) if isinstance(event, Bind))

    @cached_property
    def mentions(self) -> frozenset[str]:
        """Every name of the notebook that it reads, also in the bodies of its definitions."""
        return mentioned(self.events)

    @cached_property
    def passed_on(self) -> frozenset[str]:
        """Names that it uses in another way than calling them directly."""
        return frozenset(passed_on([self.node]))

    @property
    def outlives_calls(self) -> bool:
        """Whether values may hold its code after a call: instances, closures, decorated functions.

        The result of a plain function does not hold the function's code, unless that contains
        nested functions, lambdas, classes or generators.
        """
        node = self.node
        if isinstance(node, ast.ClassDef) or getattr(node, "decorator_list", None):
            return True
        return isinstance(node, ast.AsyncFunctionDef) or any(
            isinstance(part, _LASTING) for part in ast.walk(node) if part is not node
        )

    @property
    def first(self) -> int:
        """Its first parsed line, decorators included."""
        decorators = getattr(self.node, "decorator_list", [])
        return min(int(node.lineno) for node in (self.node, *decorators))

    @property
    def last(self) -> int:
        """Its last parsed line."""
        end = self.node.end_lineno
        return self.node.lineno if end is None else end

    @cached_property
    def canonical(self) -> bytes:
        """Its bytes in a code digest."""
        return canonical([self.node])


@dataclass
class Shared:
    """The shared cells of one notebook.

    Attributes:
        cells: In notebook order.
        statements: In the order in which they run.
        flow: Their abstract run, all of them.
        binders: For each name the statements that bind it.
        unread: Imports whose names nothing in the notebook reads.
    """

    cells: list[ParsedCell]
    statements: list[SharedStatement]
    flow: Flow
    binders: dict[str, list[int]] = field(default_factory=dict)
    unread: set[int] = field(default_factory=set)
    _closures: dict[int, frozenset[int]] = field(default_factory=dict)

    @cached_property
    def always(self) -> frozenset[int]:
        """Statements that every step runs, with those that they need."""
        kept = self.unread | {
            index for index, found in enumerate(self.statements) if found.role == "other"
        }
        return self.with_needs(kept)

    @cached_property
    def neighbours(self) -> dict[int, list[int]]:
        """Statements that share a line: a step keeps all of them or none."""
        found: dict[int, list[int]] = {}
        for index in range(1, len(self.statements)):
            one, other = self.statements[index - 1], self.statements[index]
            if one.cell is other.cell and one.last >= other.first:
                found.setdefault(index, []).append(index - 1)
                found.setdefault(index - 1, []).append(index)
        return found

    @property
    def known(self) -> Mapping[str, Held]:
        """What the names hold after all shared cells."""
        return self.flow.state.held

    def closure(self, index: int) -> frozenset[int]:
        """A statement with all imports and definitions that it needs, directly or indirectly."""
        if index not in self._closures:
            found, pending = {index}, [index]
            while pending:
                current = pending.pop()
                new = set(self.neighbours.get(current, ()))
                for name in self.statements[current].mentions:
                    new.update(self.binders.get(name, ()))
                pending.extend(new - found)
                found |= new
            self._closures[index] = frozenset(found)
        return self._closures[index]

    def with_needs(self, indexes: Iterable[int]) -> frozenset[int]:
        """Statements with those that they need."""
        found: set[int] = set()
        for index in indexes:
            found |= self.closure(index)
        return frozenset(found)

    def needed(self, names: Iterable[str]) -> frozenset[int]:
        """The statements that bind names, with those that they need."""
        return self.with_needs(index for name in names for index in self.binders.get(name, ()))

    def reachable(self, indexes: Iterable[int], cells: Iterable[ast.stmt]) -> set[int]:
        """The definitions that the values of a step may need after the step.

        An instance needs its class. A value may hold a function that was passed, stored, returned
        or decorated, or that outlives its calls.

        Args:
            indexes: The statements that the step ran.
            cells: The statements of the step's own cells.
        """
        ran = {index: self.statements[index] for index in sorted(indexes)}
        passed = frozenset(passed_on(cells)).union(*(one.passed_on for one in ran.values()))
        return {
            index
            for index, one in ran.items()
            if one.role == "definition" and (one.outlives_calls or one.binds & passed)
        }


def shared(
    cells: Sequence[tuple[ParsedCell, CodeKind, list[tuple[ast.stmt, list[Event]]]]],
    incoming: Mapping[str, Held],
) -> Shared:
    """Run the shared cells of one notebook abstractly.

    Args:
        cells: In notebook order, with their section and their statements' effects.
        incoming: What is known of the parameters.
    """
    flow = Flow(incoming)
    result = Shared([cell for cell, _, _ in cells], [], flow)
    for cell, section, statements in cells:
        for node, events in statements:
            flow.noted = set()
            flow.run(cell, events)
            statement = SharedStatement(
                cell, node, events, section, _role(node, cell), frozenset(flow.noted)
            )
            for name in statement.binds:
                result.binders.setdefault(name, []).append(len(result.statements))
            result.statements.append(statement)
    return result


def _role(node: ast.stmt, cell: ParsedCell) -> str:
    if cell.magics:
        return "other"  # a cell magic keeps its body
    if isinstance(node, ast.Import | ast.ImportFrom):
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        return "other" if future else "import"
    return "definition" if isinstance(node, _DEFINITIONS) else "other"


def flattened(events: Iterable[Event]) -> Iterator[Event]:
    """All events, also those in branches."""
    for event in events:
        if isinstance(event, Branch):
            for path in event.paths:
                yield from flattened(path)
        elif isinstance(event, Loop):
            yield from flattened(event.body)
            yield from flattened(event.orelse)
        elif isinstance(event, Try):
            for block in (event.body, *event.handlers, event.orelse, event.final):
                yield from flattened(block)
        else:
            yield event


def mentioned(events: Iterable[Event]) -> frozenset[str]:
    """Every name that events read, also in the bodies that they define."""
    names: set[str] = set()
    pending: list[Definition] = []
    for event in flattened(events):
        if isinstance(event, Read):
            names.add(event.name)
        elif isinstance(event, Use):
            pending.append(event.definition)
        elif isinstance(event, Bind | Touch):
            pending.extend(event.sources.definitions)
    seen: set[Definition] = set()
    while pending:
        definition = pending.pop()
        if definition not in seen:
            seen.add(definition)
            names.update(definition.reads)
            names.update(definition.touches)
            pending.extend(definition.inner)
    return frozenset(names)


def passed_on(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Names that code uses in another way than calling them directly, also words of magics."""
    pending = list(nodes)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Call):
            if is_magic(node):
                for part in ast.walk(node):
                    if isinstance(part, ast.Constant) and isinstance(part.value, str):
                        yield from WORD.findall(part.value)
            parts = list(ast.iter_child_nodes(node))
            pending += parts[1:] if isinstance(node.func, ast.Name) else parts
        elif isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Load):
                yield node.id
        else:
            pending += ast.iter_child_nodes(node)
