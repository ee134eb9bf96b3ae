"""What code does to the notebook's names, as small records in execution order.

`effects` turns a syntax tree into these events; `flow` runs them on an abstract namespace. Only the
names of the notebook's own namespace appear: local names were resolved away before.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ithaca.analysis.cells import ParsedCell


class How(IntEnum):
    """How a name is read: only stored or combined, called, or passed to a call."""

    VALUE = 0
    CALLED = 1
    PASSED = 2


@dataclass(slots=True, eq=False)
class Sources:
    """What may flow from a statement into the names that it binds or changes.

    Attributes:
        values: Names whose value may be held by the result.
        calls: Names that are called, so only what they return may be held.
        definitions: Functions, classes, lambdas and generators written in the statement itself.
        aliases: Names whose very object may be (in) the result, without any call in between.
    """

    values: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    definitions: list[Definition] = field(default_factory=list)
    aliases: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Deferred:
    """How a function's body uses one name of the notebook: the first place, and all ways."""

    node: ast.AST
    how: How
    guarded: bool


@dataclass(slots=True, eq=False)
class Definition:
    """A piece of code that runs later: function, class, lambda or generator expression.

    Attributes:
        name: For messages.
        kind: `function`, `class` or `lazy` (lambda, generator expression, generator function,
            coroutine, type alias): only a plain function's result does not hold its own code.
        cell: The cell that holds it.
        node: Its place.
        reads: Names of the notebook that its body reads, in order of appearance.
        binds: Names that it binds there by `global`.
        deletes: Names that it deletes there.
        touches: Names whose values it may change, and whether it surely means to.
        inner: Definitions in its body.
        sources: What its result may hold.
        stateful: A default argument may be changed by a call.
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


@dataclass(slots=True, eq=False)
class Read:
    """A name is read. `guarded`: a NameError would be caught, so it may be unbound."""

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
        frozen: The value cannot change: a number, a string and the like.
        imported: It is a module or comes from one.
        by_call: The value is computed by a call.
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
    """A name's value may be changed in place; `sure`: the code means to."""

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
    """What follows on this path is not reached (`raise`, `break`, `continue`)."""


Event: TypeAlias = Read | Use | Bind | Delete | Touch | Branch | Loop | Try | Stop


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that `check` reports whatever the names are.

    Attributes:
        kind: `unknown` (effects that cannot be seen), `setting` (library-wide), `star`
            (names that cannot be read), `syntax`.
        node: The place.
        text: What was found.
    """

    kind: str
    node: ast.AST
    text: str
