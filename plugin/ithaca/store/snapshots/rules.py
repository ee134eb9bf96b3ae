"""What a merge does with a path that two branches left different: `[tool.ithaca.merge]`."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
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
    def read(cls, root: Path | None = None, *, order: Sequence[str] = ()) -> Self:
        """The rules of a project: its `[tool.ithaca.merge]` over the defaults for logs.

        Args:
            root: Folder of the project's `pyproject.toml`; None for the defaults.
            order: Names of the steps in workflow order.

        Raises:
            UsageError: A pattern or a rule is wrong, or the file is no TOML.

        Example:
            >>> MergeRules.read().rule("out/train.log")
            'union'
        """
        if root is None:
            return cls.of({}, order=order)
        file = Path(root) / "pyproject.toml"
        try:
            settings = tomllib.loads(file.read_text("utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            settings = {}
        except (OSError, ValueError) as error:
            raise UsageError(
                "ITH904", f"the project's settings cannot be read: {error}", where=str(file)
            ) from None
        table = settings.get("tool", {}).get("ithaca", {}).get("merge", {})
        return cls.of(table, order=order)

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, order: Sequence[str] = ()) -> Self:
        """The rules of a table of settings, over the defaults for logs.

        Args:
            settings: Pattern to `first`, `last`, `union` or `drop`.
            order: Names of the steps in workflow order.

        Raises:
            UsageError: A pattern or a rule is wrong.

        Example:
            >>> rules = MergeRules.of({"*.csv": "last"})
            >>> rules.rule("out/a.csv"), rules.rule("train.log"), rules.rule("model.bin")
            ('last', 'union', None)
        """
        found = []
        for pattern, rule in {**_DEFAULTS, **settings}.items():
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
