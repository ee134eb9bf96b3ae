"""The notebook's names at one moment: where their values come from and what they hold."""

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
    """How certain a read is: in the code itself, in a function it calls, or in one it may call."""

    DIRECT = 0
    CALLED = 1
    POSSIBLE = 2


@dataclass(frozen=True, slots=True)
class Held:
    """What the analysis knows about a name's value.

    Attributes:
        definitions: Code that the value may run when it is used.
        plain: The undecorated function or class that it is on every path.
        frozen: Whether it can never change.
        imported: Whether it is a module or comes from one.
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
    """How a step reads a name that it does not bind itself.

    Attributes:
        place: The place of the read.
        level: How certain the read is.
        optional: Whether the step can do without: it catches a NameError, or binds the name on
            another path.
        strict: Whether the value is used in a call and not only stored.
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
        """A sort key: the smaller, the more certain a failure without the name."""
        return (self.optional, self.level, not self.strict)


@dataclass(slots=True)
class Changed:
    """Where a value of another step may change in place."""

    place: Place
    sure: bool


@dataclass(slots=True)
class State:
    """The namespace on one path."""

    origins: dict[str, int] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    dead: bool = False

    def copy(self) -> State:
        """An independent copy."""
        return State(dict(self.origins), dict(self.held), self.dead)


def connected(name: str, aliases: Mapping[str, set[str]]) -> set[str]:
    """A name and all names that may share an object with it."""
    found, pending = {name}, [name]
    while pending:
        new = aliases.get(pending.pop(), set()) - found
        found |= new
        pending.extend(new)
    return found
