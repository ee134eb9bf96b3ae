"""How a merge settles a conflict over a path: `[tool.ithaca.merge]`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from pathspec import GitIgnoreSpec

from ithaca.errors import UsageError
from ithaca.store.snapshots.model import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ithaca.store.base import Store

Rule = Literal["first", "last", "union", "drop"]
_RULES = get_args(Rule)

_DEFAULTS: dict[str, Rule] = {"*.log": "union", "nohup.out": "union"}


@dataclasses.dataclass(frozen=True)
class MergeRules:
    """Patterns in gitignore syntax, and the rule for conflicting paths that match.

    Attributes:
        patterns: Patterns and rules; the last matching one is used.
        order: Names of the steps in workflow order, which defines `first` and `last`. Without it,
            parents count in their order, ancestors before descendants.
    """

    patterns: tuple[tuple[GitIgnoreSpec, Rule], ...] = ()
    order: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Mapping[str, Any], *, order: Sequence[str] = ()) -> Self:
        """The rules of a table of settings, and the defaults for logs.

        Args:
            settings: `[tool.ithaca.merge]`: pattern to `first`, `last`, `union` or `drop`.
            order: Names of the steps in workflow order.

        Raises:
            UsageError: A pattern or a rule is invalid.

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
                    f"unknown rule {rule!r} for the pattern {pattern!r}",
                    cure=f"use one of {', '.join(_RULES)}",
                    where="[tool.ithaca.merge]",
                )
            try:
                found.append((GitIgnoreSpec.from_lines([pattern]), rule))
            except ValueError as error:
                raise UsageError(
                    "ITH413",
                    f"invalid pattern {pattern!r}: {error}",
                    where="[tool.ithaca.merge]",
                ) from None
        return cls(tuple(found), tuple(order))

    def rule(self, path: str) -> Rule | None:
        """The rule for a path; None if a conflict is an error."""
        for spec, rule in reversed(self.patterns):
            if spec.match_file(path):
                return rule
        return None


def union(store: Store, entries: Sequence[Entry]) -> Entry:
    """Store a file with the lines of all files: the common first lines, then the rest of each.

    Args:
        store: The store that holds the files.
        entries: The files, in order; at least one.
    """
    data = join_lines([store.get_object(entry.digest) for entry in entries])
    executable = any(entry.executable for entry in entries)
    return Entry(
        kind="file",
        digest=store.put_object(data),
        size=len(data),
        executable=executable,
        mode=entries[0].mode | (0o100 if executable else 0),
        mtime_ns=max(entry.mtime_ns for entry in entries),
    )


def join_lines(files: Sequence[bytes]) -> bytes:
    r"""The common first lines of all files, then the remaining lines of each.

    Example:
        >>> join_lines([b"start\nleft\n", b"start\nright", b"start\n"])
        b'start\nleft\nright\n'
    """
    lines = [file.splitlines(keepends=True) for file in files]
    common = 0
    while all(common < len(one) and one[common] == lines[0][common] for one in lines):
        common += 1
    parts = [b"".join(lines[0][:common]), *(b"".join(one[common:]) for one in lines)]
    ended = [part if part.endswith(b"\n") else part + b"\n" for part in parts if part]
    return b"".join(ended)
