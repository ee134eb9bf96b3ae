"""Merge what parallel steps left: each path comes from the ancestor that changed it last.

Two unordered ancestors that left different content at a path conflict, unless a rule settles it.
Values are files too. A conflict over a value that no later step reads is recorded in its pointer,
so that only reading the value is an error.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from ithaca.errors import MergeConflict
from ithaca.store.snapshots.editor import edit
from ithaca.store.snapshots.lineage import Lineage
from ithaca.store.snapshots.model import RESERVED, Entry, Merged
from ithaca.store.snapshots.rules import union
from ithaca.store.snapshots.scan import text
from ithaca.store.snapshots.walker import changes, children, root_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ithaca.store.base import Store
    from ithaca.store.snapshots.model import MergeNode
    from ithaca.store.snapshots.rules import MergeRules, Rule

_NAMES = f"{RESERVED}/values/names/".encode()
_SESSION = f"{RESERVED}/values/session".encode()


def merge(
    store: Store,
    heads: Sequence[str],
    *,
    load: Callable[[str], MergeNode],
    rules: MergeRules,
    read_later: Collection[str] | None,
) -> Merged:
    """Store the snapshot from which a step with several parents starts.

    Args:
        store: The store that holds the snapshots.
        heads: Digests of the parents' executions. Generator states, and everything else that only
            one parent can provide, come from the first one.
        load: Returns the execution with a digest, for parents and all other ancestors.
        rules: How to settle a conflict over a path.
        read_later: Names of the values that this or a later step reads; None for all.

    Returns:
        The snapshot, the values in conflict, and notices about the rules that were used.

    Raises:
        MergeConflict: Parallel steps left different content; lists every path with its steps.
        NotFound: A snapshot is missing.
        ValueError: There are no parents.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> from ithaca.store import (
        ...     Ignore, LocalStore, MergeNode, MergeRules, entries, merge, take)
        >>> home = Path(mkdtemp())
        >>> store, shots = LocalStore.open(home / "store"), {}
        >>> for name, files in {"source": [], "left": ["a"], "right": ["b"]}.items():
        ...     (home / name).mkdir()
        ...     for file in files:
        ...         _ = (home / name / file).write_text("")
        ...     shots[name] = take(store, home / name, ignore=Ignore()).digest
        >>> def load(name):
        ...     return MergeNode(step=name, before=shots["source"], after=shots[name])
        >>> merged = merge(
        ...     store, ["left", "right"], load=load, rules=MergeRules.of({}), read_later=None)
        >>> list(entries(store, merged.digest))
        ['a', 'b']
    """
    if not heads:
        raise ValueError("a merge needs at least one parent")
    heads = list(dict.fromkeys(heads))
    lineage = Lineage(heads, load)
    first = lineage.nodes[heads[0]].after
    if all(lineage.nodes[head].after == first for head in heads):
        return Merged(digest=first)
    join = _Join(store, lineage, rules, read_later)
    edits = join.edits(lineage.unsettled(heads))
    digest = edit(store, root_entry(store, first), edits)
    return Merged(digest=digest, marked=tuple(join.marked), notices=tuple(join.notices))


@dataclasses.dataclass(frozen=True, slots=True)
class _Left:
    """The state of a path after one execution."""

    step: str
    execution: str
    entry: Entry | None


@dataclasses.dataclass
class _Join:
    """One merge: settles the changes of executions and collects their conflicts."""

    store: Store
    lineage: Lineage
    rules: MergeRules
    read_later: Collection[str] | None
    conflicts: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    marked: list[str] = dataclasses.field(default_factory=list)
    notices: list[str] = dataclasses.field(default_factory=list)

    def edits(self, executions: Sequence[str]) -> dict[bytes, Entry | None]:
        """The result for every path that one of these executions changed."""
        left = self._left(executions)
        edits = {path: self._settle(path, latest) for path, latest in sorted(left.items())}
        for path, entry in sorted(edits.items()):
            if entry is not None:
                self._keep_folders(path, edits, left)
        if self.conflicts:
            raise MergeConflict(sorted(self.conflicts.items()))
        return edits

    def _left(self, executions: Sequence[str]) -> dict[bytes, list[_Left]]:
        """Each changed path with the states left by the latest executions that changed it."""
        changed: dict[bytes, dict[str, Entry | None]] = {}
        for digest in executions:
            node = self.lineage.nodes[digest]
            before = root_entry(self.store, node.before)
            after = root_entry(self.store, node.after)
            for path, _, entry in changes(self.store, before, after):
                if path != _SESSION and not path.startswith(_SESSION + b"/"):
                    changed.setdefault(path, {})[digest] = entry
        return {
            path: [
                _Left(self.lineage.nodes[digest].step, digest, changers[digest])
                for digest in self.lineage.latest(changers)
            ]
            for path, changers in changed.items()
        }

    def _settle(self, path: bytes, latest: Sequence[_Left]) -> Entry | None:
        """The entry at a path after the merge."""
        contents = {one.entry and one.entry.content for one in latest}
        if len(contents) == 1:
            return latest[0].entry
        folders = [one.entry for one in latest if one.entry is not None and one.entry.kind == "dir"]
        if len(folders) + sum(one.entry is None for one in latest) == len(latest):
            return folders[0]  # deleted in one branch, used in another: keep an empty folder
        if path.startswith(_NAMES) and path.endswith(b".json"):
            return self._value(path, latest)
        return self._by_rule(path, latest)

    def _value(self, path: bytes, latest: Sequence[_Left]) -> Entry | None:
        name = text(path[len(_NAMES) : -len(b".json")])
        steps = _steps(latest)
        if self.read_later is None or name in self.read_later:
            self.conflicts[f"value {name}"] = steps
            return None
        self.marked.append(name)
        data = json.dumps({"conflict": list(steps)}).encode()
        newest = max(one.entry.mtime_ns for one in latest if one.entry is not None)
        return Entry(
            kind="file", digest=self.store.put_object(data), size=len(data), mtime_ns=newest
        )

    def _by_rule(self, path: bytes, latest: Sequence[_Left]) -> Entry | None:
        reserved = path.startswith(f"{RESERVED}/".encode())
        rule = None if reserved else self.rules.rule(text(path))
        ordered = self._in_workflow_order(latest)
        entries = [one.entry for one in ordered if one.entry is not None]
        if rule is None or (rule == "union" and any(entry.kind != "file" for entry in entries)):
            self.conflicts[text(path)] = _steps(latest)
            return None
        self._notice(path, rule, ordered)
        if rule == "union":
            return union(self.store, entries)
        if rule == "drop":
            return None
        return ordered[0 if rule == "first" else -1].entry

    def _in_workflow_order(self, latest: Sequence[_Left]) -> list[_Left]:
        order = {step: number for number, step in enumerate(self.rules.order)}
        return sorted(latest, key=lambda one: order.get(one.step, -1))

    def _notice(self, path: bytes, rule: Rule, ordered: Sequence[_Left]) -> None:
        outcome = {
            "first": f"kept the content of {ordered[0].step}",
            "last": f"kept the content of {ordered[-1].step}",
            "union": "kept the lines of all",
            "drop": "removed it",
        }
        steps = " and ".join(_steps(ordered))
        self.notices.append(f"{steps} left different content at {text(path)}: {outcome[rule]}")

    def _keep_folders(
        self,
        path: bytes,
        edits: dict[bytes, Entry | None],
        left: dict[bytes, list[_Left]],
    ) -> None:
        """Keep the parent folders of a path even if another step deleted them."""
        while b"/" in path:
            inner, path = path, path.rpartition(b"/")[0]
            if path not in edits:
                continue
            above = edits[path]
            if above is None:
                edits[path] = self._folder_of(left[inner], path)
            elif above.kind != "dir":
                self.conflicts.setdefault(text(path), _steps([*left[path], *left[inner]]))

    def _folder_of(self, latest: Sequence[_Left], path: bytes) -> Entry:
        """The folder as one of the executions that wrote to it left it."""
        node = self.lineage.nodes[latest[0].execution]
        found = root_entry(self.store, node.after)
        for name in path.split(b"/"):
            found = children(self.store, found).get(name, found)
        return found


def _steps(latest: Sequence[_Left]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.step for one in latest))
