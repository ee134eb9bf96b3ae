"""Joining what parallel steps left: for every path, what the ancestor that changed it last left.

Two ancestors that are not ordered and that left different content are a conflict, unless a rule
settles it. Values are files too, but their names get words of their own: a conflict over a value
that no later step reads is written down in its pointer, so that only reading it is an error.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from ithaca.errors import MergeConflict
from ithaca.store.snapshots.editor import edit
from ithaca.store.snapshots.lineage import Lineage
from ithaca.store.snapshots.model import RESERVED, Entry, Merged
from ithaca.store.snapshots.scan import text
from ithaca.store.snapshots.union import union
from ithaca.store.snapshots.walker import changes, children, root_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from ithaca.store.local import Store
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
    """Store the snapshot that a step with several parents starts from.

    Args:
        store: Where the snapshots are.
        heads: Digests of the parents' executions; the generator states and all else that only
            one parent can give come from the first.
        load: Gives the execution of a digest, parents and all ancestors alike.
        rules: What settles a conflict over a path.
        read_later: Names of the values that this or a later step reads; None for all.

    Returns:
        The snapshot, the values that are marked as conflicting, and notices about rules applied.

    Raises:
        MergeConflict: Parallel steps left different content; lists every path with its steps.
        NotFound: A snapshot is missing.
        ValueError: There is no parent.

    Example:
        >>> from pathlib import Path
        >>> from tempfile import mkdtemp
        >>> from ithaca.store import (
        ...     Ignore, MergeNode, MergeRules, Store, entries, merge, take)
        >>> home = Path(mkdtemp())
        >>> store, shots = Store.open(home / "store"), {}
        >>> for name, files in {"source": [], "left": ["a"], "right": ["b"]}.items():
        ...     (home / name).mkdir()
        ...     for file in files:
        ...         _ = (home / name / file).write_text("")
        ...     shots[name] = take(store, home / name, ignore=Ignore()).digest
        >>> def load(name):
        ...     return MergeNode(step=name, before=shots["source"], after=shots[name])
        >>> merged = merge(
        ...     store, ["left", "right"], load=load, rules=MergeRules.read(), read_later=None)
        >>> list(entries(store, merged.digest))
        ['a', 'b']
    """
    if not heads:
        raise ValueError("a join has parents")
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
    """What one execution left at a path."""

    step: str
    execution: str
    entry: Entry | None

    @property
    def content(self) -> tuple[str, str, bool, bytes] | None:
        return None if self.entry is None else self.entry.content


class _Join:
    """One merge: weighs the changes of executions and collects what they conflict over."""

    def __init__(
        self,
        store: Store,
        lineage: Lineage,
        rules: MergeRules,
        read_later: Collection[str] | None,
    ) -> None:
        self._store = store
        self._lineage = lineage
        self._rules = rules
        self._read_later = read_later
        self._conflicts: dict[str, tuple[str, ...]] = {}
        self.marked: list[str] = []
        self.notices: list[str] = []

    def edits(self, executions: Sequence[str]) -> dict[bytes, Entry | None]:
        """What becomes of every path that one of these executions changed."""
        left = self._left(executions)
        edits = {path: self._settle(path, latest) for path, latest in sorted(left.items())}
        for path, entry in sorted(edits.items()):
            if entry is not None:
                self._keep_folders(path, edits, left)
        if self._conflicts:
            raise MergeConflict(sorted(self._conflicts.items()))
        return edits

    def _left(self, executions: Sequence[str]) -> dict[bytes, list[_Left]]:
        """Path to what those left there that no other changer descends from."""
        changed: dict[bytes, dict[str, Entry | None]] = {}
        for digest in executions:
            node = self._lineage.nodes[digest]
            before, after = (
                root_entry(self._store, node.before),
                root_entry(self._store, node.after),
            )
            for path, _, entry in changes(self._store, before, after):
                if path != _SESSION and not path.startswith(_SESSION + b"/"):
                    changed.setdefault(path, {})[digest] = entry
        return {
            path: [
                _Left(self._lineage.nodes[digest].step, digest, changers[digest])
                for digest in self._lineage.latest(changers)
            ]
            for path, changers in changed.items()
        }

    def _settle(self, path: bytes, latest: Sequence[_Left]) -> Entry | None:
        """What is at a path after the join."""
        contents = {one.content for one in latest}
        if len(contents) == 1:
            return latest[0].entry
        folders = [one.entry for one in latest if one.entry is not None and one.entry.kind == "dir"]
        if len(folders) + sum(one.entry is None for one in latest) == len(latest):
            return folders[0]  # deleted here, needed there: an empty folder hurts nobody
        if path.startswith(_NAMES) and path.endswith(b".json"):
            return self._value(path, latest)
        return self._by_rule(path, latest)

    def _value(self, path: bytes, latest: Sequence[_Left]) -> Entry | None:
        name = text(path[len(_NAMES) : -len(b".json")])
        steps = _steps(latest)
        if self._read_later is None or name in self._read_later:
            self._conflicts[f"value {name}"] = steps
            return None
        self.marked.append(name)
        data = json.dumps({"conflict": list(steps)}).encode()
        newest = max(one.entry.mtime_ns for one in latest if one.entry is not None)
        return Entry(
            kind="file", digest=self._store.put_object(data), size=len(data), mtime_ns=newest
        )

    def _by_rule(self, path: bytes, latest: Sequence[_Left]) -> Entry | None:
        reserved = path.startswith(f"{RESERVED}/".encode())
        rule = None if reserved else self._rules.rule(text(path))
        ordered = self._in_workflow_order(latest)
        entries = [one.entry for one in ordered if one.entry is not None]
        if rule is None or (rule == "union" and any(entry.kind != "file" for entry in entries)):
            self._conflicts[text(path)] = _steps(latest)
            return None
        self._notice(path, rule, ordered)
        if rule == "union":
            return union(self._store, entries)
        if rule == "drop":
            return None
        return ordered[0 if rule == "first" else -1].entry

    def _in_workflow_order(self, latest: Sequence[_Left]) -> list[_Left]:
        order = {step: number for number, step in enumerate(self._rules.order)}
        return sorted(latest, key=lambda one: order.get(one.step, -1))

    def _notice(self, path: bytes, rule: Rule, ordered: Sequence[_Left]) -> None:
        said = {
            "first": f"what {ordered[0].step} left counts",
            "last": f"what {ordered[-1].step} left counts",
            "union": "the lines of all are kept",
            "drop": "it is left out",
        }
        steps = " and ".join(_steps(ordered))
        self.notices.append(f"{steps} left different content at {text(path)}: {said[rule]}")

    def _keep_folders(
        self,
        path: bytes,
        edits: dict[bytes, Entry | None],
        left: dict[bytes, list[_Left]],
    ) -> None:
        """Keep the folders of a path that is to be, though another step deleted them."""
        while b"/" in path:
            inner, path = path, path.rpartition(b"/")[0]
            if path not in edits:
                continue
            above = edits[path]
            if above is None:
                edits[path] = self._folder_of(left[inner], path)
            elif above.kind != "dir":
                self._conflicts.setdefault(text(path), _steps([*left[path], *left[inner]]))

    def _folder_of(self, latest: Sequence[_Left], path: bytes) -> Entry:
        """The folder as one of those that left something in it had it."""
        node = self._lineage.nodes[latest[0].execution]
        found = root_entry(self._store, node.after)
        for name in path.split(b"/"):
            found = children(self._store, found).get(name, found)
        return found


def _steps(latest: Sequence[_Left]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.step for one in latest))
