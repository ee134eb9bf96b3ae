"""What is known of the notebook's names at a moment: where values come from and what they hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping

    from ithaca.analysis.cells import ParsedCell
    from ithaca.analysis.events import Definition

OUTSIDE, HERE, GONE = 1, 2, 4


class Level(IntEnum):
    """How sure it is that a read happens: in the code itself, in what it calls, in what it may."""

    DIRECT = 0
    CALLED = 1
    POSSIBLE = 2


@dataclass(frozen=True, slots=True)
class Held:
    """What is known of a name's value.

    Attributes:
        definitions: Code that the value may run when it is used.
        plain: The undecorated function or class that it is, on every path.
        frozen: It can never change.
        imported: It is a module or comes from one.
    """

    definitions: frozenset[Definition] = frozenset()
    plain: Definition | None = None
    frozen: bool = False
    imported: bool = False

    def __or__(self, other: Held) -> Held:
        return Held(
            self.definitions | other.definitions,
            self.plain if self.plain is other.plain else None,
            self.frozen and other.frozen,
            self.imported and other.imported,
        )


NOTHING = Held()


@dataclass(frozen=True, slots=True)
class Place:
    """A node in a cell."""

    cell: ParsedCell
    node: ast.AST


@dataclass(frozen=True, slots=True)
class Access:
    """How a name from outside is read.

    Attributes:
        place: Where.
        level: How sure it is that it happens.
        optional: The step can do without: a NameError is caught, or the step itself bound the name
            on another path.
        strict: Something is called with or on what leads there, not only stored.
        through: The definition whose body reads it, if any.
        first: Number of the first cell that reads the name.
    """

    place: Place
    level: Level
    optional: bool
    strict: bool
    through: Definition | None
    first: int

    @property
    def rank(self) -> tuple[bool, int, bool]:
        """Smaller is more certain to fail without the name."""
        return (self.optional, self.level, not self.strict)


@dataclass(slots=True)
class Changed:
    """Where a value from outside may be changed in place."""

    place: Place
    sure: bool


@dataclass(slots=True)
class State:
    """The namespace on one path."""

    origins: dict[str, int] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    dead: bool = False

    def copy(self) -> State:
        """The same, to go on with apart."""
        return State(dict(self.origins), dict(self.held), self.dead)


def connected(name: str, aliases: Mapping[str, set[str]]) -> set[str]:
    """The name and all that may share an object with it."""
    found, pending = {name}, [name]
    while pending:
        new = aliases.get(pending.pop(), set()) - found
        found |= new
        pending.extend(new)
    return found
