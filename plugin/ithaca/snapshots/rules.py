"""What a merge does with a path that two branches left different: `[tool.ithaca.merge]`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal, Self

from pathspec import GitIgnoreSpec

from ithaca.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Rule = Literal["first", "last", "union", "drop"]
_RULES = ("first", "last", "union", "drop")

_DEFAULTS: dict[str, Rule] = {"*.log": "union", "nohup.out": "union"}


@dataclasses.dataclass(frozen=True)
class MergeRules:
    """Patterns (gitignore syntax) and what becomes of conflicting paths that match.

    Attributes:
        patterns: Pattern and rule; the last one that matches counts.
        order: Names of the steps in workflow order, which says what `first` and `last` mean.
            Without it: parents in their order, ancestors before descendants.
    """

    patterns: tuple[tuple[GitIgnoreSpec, Rule], ...] = ()
    order: tuple[str, ...] = ()

    @classmethod
    def read(cls, settings: Mapping[str, Any] | None = None, *, order: Sequence[str] = ()) -> Self:
        """The rules of a project, over the defaults for logs.

        Args:
            settings: The table `[tool.ithaca.merge]`: pattern to `first`, `last`, `union` or
                `drop`.
            order: Names of the steps in workflow order.

        Raises:
            UsageError: A pattern or a rule is wrong.

        Example:
            >>> rules = MergeRules.read({"*.csv": "last"})
            >>> rules.rule("out/a.csv"), rules.rule("train.log"), rules.rule("model.bin")
            ('last', 'union', None)
        """
        found = []
        for pattern, rule in {**_DEFAULTS, **(settings or {})}.items():
            if rule not in _RULES:
                raise UsageError(
                    "ITH413",
                    f"{pattern!r} has the rule {rule!r}",
                    cure=f"the rules are {', '.join(_RULES)}",
                    where="[tool.ithaca.merge]",
                )
            try:
                found.append((GitIgnoreSpec.from_lines([pattern]), rule))
            except ValueError as error:
                raise UsageError(
                    "ITH413",
                    f"the pattern {pattern!r} is wrong: {error}",
                    where="[tool.ithaca.merge]",
                ) from None
        return cls(tuple(found), tuple(order))

    def rule(self, path: str) -> Rule | None:
        """The rule for a path; None when a conflict over it is an error."""
        for spec, rule in reversed(self.patterns):
            if spec.match_file(path):
                return rule
        return None
