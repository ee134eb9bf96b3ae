"""The effects of code on the notebook's names, as small records in execution order.

`effects` turns a syntax tree into these events; `flow` runs them on an abstract namespace. They
contain only names of the notebook's namespace, no local names.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ithaca.analysis.cells import ParsedCell


class How(IntEnum):
    """How a name is used: as a value, called, or passed to a call."""

    VALUE = 0
    CALLED = 1
    PASSED = 2


@dataclass(slots=True, eq=False)
class Sources:
    """What the names that a statement binds or changes may hold afterwards.

    Attributes:
        values: Names whose value the result may hold.
        calls: Names that the statement calls: the result may hold what they return.
        definitions: Functions, classes, lambdas and generators in the statement itself.
        aliases: Names whose object may be the result or a part of it, without a call in between.
    """

    values: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    definitions: list[Definition] = field(default_factory=list)
    aliases: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Deferred:
    """How a function's body uses one name of the notebook: first place, strongest use."""

    node: ast.AST
    how: How
    guarded: bool


@dataclass(slots=True, eq=False)
class Definition:
    """A piece of code that runs later: function, class, lambda or generator expression.

    Attributes:
        name: For messages.
        kind: `function`, `class` or `lazy` (lambda, generator expression, generator function,
            coroutine, type alias): only the result of a plain function does not hold its code.
        cell: Its cell.
        node: Its place.
        reads: Names of the notebook that its body reads, in order of appearance.
        binds: Names that it binds by `global`.
        deletes: Names that it deletes by `global`.
        touches: Names whose values it may change, and whether it certainly does.
        inner: Definitions in its body.
        sources: What its result may hold.
        stateful: Whether a call may change a default argument.
    """

    name: str
    kind: str
    cell: ParsedCell
    node: ast.AST
    reads: dict[str, Deferred] = field(default_factory=dict)
    binds: dict[str, ast.AST] = field(default_factory=dict)
    deletes: dict[str, ast.AST] = field(default_factory=dict)
    touches: dict[str, bool] = field(default_factory=dict)
    inner: list[Definition] = field(default_factory=list)
    sources: Sources = field(default_factory=Sources)
    stateful: bool = False

    @property
    def order(self) -> tuple[int, int, int]:
        """Its place in the notebook, by which sets of definitions are sorted."""
        line, column = getattr(self.node, "lineno", 0), getattr(self.node, "col_offset", 0)
        return self.cell.cell.number, line, column


@dataclass(slots=True, eq=False)
class Read:
    """A name is read. `guarded`: the code catches a NameError, so it may be unbound."""

    name: str
    node: ast.AST
    how: How = How.VALUE
    guarded: bool = False


@dataclass(slots=True, eq=False)
class Use:
    """A lambda or generator expression is used where it is written."""

    definition: Definition
    node: ast.AST
    how: How


@dataclass(slots=True, eq=False)
class Bind:
    """A name is bound.

    Attributes:
        name: The name.
        node: The place.
        sources: What the value may hold.
        plain: The undecorated function or class that it is.
        frozen: Whether the value cannot change, as a number or string.
        imported: Whether it is a module or comes from one.
        by_call: Whether a call computes the value.
    """

    name: str
    node: ast.AST
    sources: Sources
    plain: Definition | None = None
    frozen: bool = False
    imported: bool = False
    by_call: bool = False


@dataclass(slots=True, eq=False)
class Delete:
    """A name is deleted. `implied`: by the end of its `except … as` clause."""

    name: str
    node: ast.AST
    implied: bool = False


@dataclass(slots=True, eq=False)
class Touch:
    """A name's value may change in place; `sure`: it certainly does."""

    name: str
    node: ast.AST
    sources: Sources
    sure: bool = False
    called: bool = False


@dataclass(slots=True, eq=False)
class Branch:
    """One of several paths is taken."""

    paths: list[list[Event]]


@dataclass(slots=True, eq=False)
class Loop:
    """The body runs any number of times, then `orelse`."""

    body: list[Event]
    orelse: list[Event]


@dataclass(slots=True, eq=False)
class Try:
    """`try`: a handler may start after any part of the body."""

    body: list[Event]
    handlers: list[list[Event]]
    orelse: list[Event]
    final: list[Event]


@dataclass(slots=True, eq=False)
class Stop:
    """The rest of the path is not reached (`raise`, `break`, `continue`)."""


Event: TypeAlias = Read | Use | Bind | Delete | Touch | Branch | Loop | Try | Stop


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that `check` reports without looking at names.

    Attributes:
        kind: `unknown` or `magic` (unknown effects), `setting` (a library's setting), `star`
            (unknown names) or `syntax`.
        node: The place.
        text: The code or message to show.
    """

    kind: str
    node: ast.AST
    text: str
