from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trees import Tree, read, store_tree, write

from ithaca.errors import MergeConflict, UsageError
from ithaca.store import (
    Ignore,
    LocalStore,
    Merged,
    MergeNode,
    MergeRules,
    Store,
    entries,
    merge,
    restore,
    take,
    verify,
)


class Steps:
    """A workflow of trees: each step has parents and a resulting tree."""

    def __init__(self, store: Store, folder: Path, source: Tree) -> None:
        self.store, self.folder = store, folder
        self.nodes: dict[str, MergeNode] = {}
        self._numbers = itertools.count()
        self.source = self._stored(source)

    def step(
        self, execution: str, tree: Tree, *needs: str, before: str = "", name: str = ""
    ) -> str:
        before = before or (self.nodes[needs[0]].after if needs else self.source)
        after = self._stored(tree)
        self.nodes[execution] = MergeNode(
            step=name or execution, before=before, after=after, parents=needs
        )
        return execution

    def join(
        self,
        *heads: str,
        rules: MergeRules | None = None,
        read_later: Iterable[str] | None = None,
    ) -> Merged:
        return merge(
            self.store,
            heads,
            load=self.nodes.__getitem__,
            rules=rules or MergeRules.of({}),
            read_later=None if read_later is None else set(read_later),
        )

    def tree(self, merged: Merged) -> Tree:
        target = self.folder / f"restored-{next(self._numbers)}"
        restore(self.store, merged.digest, target)
        return read(target)

    def _stored(self, tree: Tree) -> str:
        return store_tree(self.store, self.folder / str(next(self._numbers)), tree)


def steps(store: Store, folder: Path, source: Tree) -> Steps:
    return Steps(store, folder, source)


def test_a_join_combines_the_changes_of_all_branches(store: Store, tmp_path: Path) -> None:
    flow = steps(store, tmp_path, {b"a": b"0", b"b": b"0", b"c": b"0", b"d": {b"x": b"0"}})
    flow.step("left", {b"a": b"1", b"b": b"0", b"c": b"0", b"d": {b"x": b"0", b"l": b""}})
    flow.step("right", {b"a": b"0", b"b": b"2", b"d": {b"x": b"0", b"r": b""}})
    merged = flow.join("left", "right")
    assert flow.tree(merged) == {b"a": b"1", b"b": b"2", b"d": {b"x": b"0", b"l": b"", b"r": b""}}
    assert merged.digest == flow.join("right", "left").digest
    assert verify(store) == []


def test_a_path_changed_in_two_branches_is_a_conflict_that_names_both(
    store: Store, tmp_path: Path
) -> None:
    flow = steps(store, tmp_path, {b"d": {b"out.csv": b"0"}, b"run": b""})
    flow.step("left", {b"d": {b"out.csv": b"1"}, b"run": ("x", b"")})
    flow.step("right", {b"d": {b"out.csv": b"2"}, b"run": b"2"})
    with pytest.raises(MergeConflict) as raised:
        flow.join("left", "right")
    assert raised.value.paths == (("d/out.csv", ("left", "right")), ("run", ("left", "right")))


def test_equal_content_from_two_branches_does_not_conflict(store: Store, tmp_path: Path) -> None:
    flow = steps(store, tmp_path, {})
    for name in ("left", "right"):
        flow.step(name, {b"d": {b"same": b"1"}, b"link": ("link", b"d")})
    assert flow.tree(flow.join("left", "right")) == {b"d": {b"same": b"1"}, b"link": ("link", b"d")}


def test_a_file_deleted_in_one_branch_and_changed_in_another_is_a_conflict(
    store: Store, tmp_path: Path
) -> None:
    flow = steps(store, tmp_path, {b"f": b"0"})
    flow.step("deletes", {})
    flow.step("changes", {b"f": b"1"})
    with pytest.raises(MergeConflict, match=r"f \(deletes, changes\)"):
        flow.join("deletes", "changes")


def test_a_descendant_overrides_its_ancestor(store: Store, tmp_path: Path) -> None:
    flow = steps(store, tmp_path, {b"f": b"0"})
    flow.step("first", {b"f": b"1"})
    flow.step("second", {b"f": b"2"}, "first")
    flow.step("other", {b"f": b"1", b"o": b""}, "first")
    assert flow.tree(flow.join("other", "second")) == {b"f": b"2", b"o": b""}
    assert flow.tree(flow.join("first", "second", "other")) == {b"f": b"2", b"o": b""}


def test_a_settled_conflict_stays_settled_in_later_joins(store: Store, tmp_path: Path) -> None:
    flow = steps(store, tmp_path, {b"f.log": b""})
    flow.step("left", {b"f.log": b"l\n"})
    flow.step("right", {b"f.log": b"r\n"})
    both = flow.join("left", "right")
    flow.step("join", {b"f.log": b"joined\n"}, "left", "right", before=both.digest)
    flow.step("late", {b"f.log": b"r\n", b"late": b""}, "right")
    assert flow.tree(flow.join("join", "late")) == {b"f.log": b"joined\n", b"late": b""}


def test_a_folder_deleted_in_one_branch_is_kept_if_another_adds_a_file_to_it(
    store: Store, tmp_path: Path
) -> None:
    flow = steps(store, tmp_path, {b"d": {b"e": {b"old": b""}}})
    flow.step("deletes", {})
    flow.step("adds", {b"d": {b"e": {b"old": b"", b"new": b"1"}}})
    for heads in (("deletes", "adds"), ("adds", "deletes")):
        assert flow.tree(flow.join(*heads)) == {b"d": {b"e": {b"new": b"1"}}}


def test_a_file_where_another_branch_has_a_folder_with_content_is_a_conflict(
    store: Store, tmp_path: Path
) -> None:
    flow = steps(store, tmp_path, {b"d": {b"x": b""}})
    flow.step("file", {b"d": b"now a file"})
    flow.step("folder", {b"d": {b"x": b"", b"y": b""}})
    for heads in (("file", "folder"), ("folder", "file")):
        with pytest.raises(MergeConflict) as raised:
            flow.join(*heads)
        assert [path for path, _ in raised.value.paths] == ["d"]
        assert set(raised.value.paths[0][1]) == {"file", "folder"}


def test_a_file_that_became_a_folder_in_one_branch_is_a_folder_after_the_merge(
    store: Store, tmp_path: Path
) -> None:
    flow = steps(store, tmp_path, {b"d": b"file"})
    flow.step("folder", {b"d": {b"x": {b"y": b""}}})
    flow.step("other", {b"d": b"file", b"o": b""})
    for heads in (("folder", "other"), ("other", "folder")):
        assert flow.tree(flow.join(*heads)) == {b"d": {b"x": {b"y": b""}}, b"o": b""}


def test_modes_and_times_are_those_of_the_chosen_content(store: Store, tmp_path: Path) -> None:
    flow = steps(store, tmp_path, {b"a": b"", b"b": b""})
    flow.step("left", {b"a": b"", b"b": b"", b"l": b""})
    root = tmp_path / "right"
    write(root, {b"a": b"", b"b": b"changed"})
    os.chmod(root / "b", 0o600)
    os.utime(root / "b", ns=(0, 1_500_000_000_123_456_789))
    after = take(store, root, ignore=Ignore()).digest
    flow.nodes["right"] = MergeNode(step="right", before=flow.source, after=after)
    entry = entries(store, flow.join("left", "right").digest)["b"]
    assert (entry.mode, entry.mtime_ns) == (0o600, 1_500_000_000_123_456_789)


def values(**pointers: str) -> Tree:
    """A volume in which each name points to an object."""
    names = {
        f"{name}.json".encode(): json.dumps({"object": one, "place": name}).encode()
        for name, one in pointers.items()
    }
    return {b".ithaca-volume": {b"values": {b"names": names}}}


def test_a_value_changed_in_two_branches_is_a_conflict_that_names_both(
    store: Store, tmp_path: Path
) -> None:
    flow = steps(store, tmp_path, values(x="0", y="0"))
    flow.step("left", values(x="1", y="0"))
    flow.step("right", values(x="2", y="0"))
    for read_later in (None, ["x"], ["x", "y"]):
        with pytest.raises(MergeConflict) as raised:
            flow.join("left", "right", read_later=read_later)
        assert raised.value.paths == (("value x", ("left", "right")),)


def test_a_conflict_of_a_value_that_no_step_reads_is_only_marked(
    store: Store, tmp_path: Path
) -> None:
    flow = steps(store, tmp_path, values(x="0", y="0"))
    flow.step("left", values(x="1", y="0"))
    flow.step("right", values(x="2", y="3"))
    merged = flow.join("left", "right", read_later=["y"])
    assert merged.marked == ("x",)
    names = flow.tree(merged)[b".ithaca-volume"][b"values"][b"names"]
    assert json.loads(names[b"x.json"]) == {"conflict": ["left", "right"]}
    assert json.loads(names[b"y.json"])["object"] == "3"


def test_the_session_state_comes_from_the_first_parent(store: Store, tmp_path: Path) -> None:
    def volume(seed: bytes) -> Tree:
        return {b".ithaca-volume": {b"values": {b"session": {b"random.json": seed}}}}

    flow = steps(store, tmp_path, {})
    flow.step("left", volume(b"l"))
    flow.step("right", volume(b"r"))
    assert flow.tree(flow.join("left", "right")) == volume(b"l")
    assert flow.tree(flow.join("right", "left")) == volume(b"r")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("first", {b"f": b"0\nl\n"}),
        ("last", {b"f": b"0\nr\n"}),
        ("union", {b"f": b"0\nl\nr\n"}),
        ("drop", {}),
    ],
)
def test_a_rule_settles_a_conflict_with_a_notice(
    store: Store, tmp_path: Path, rule: str, expected: Tree
) -> None:
    flow = steps(store, tmp_path, {b"f": b"0\n"})
    flow.step("left", {b"f": b"0\nl\n"})
    flow.step("right", {b"f": b"0\nr\n"})
    rules = MergeRules.of({"f": rule}, order=["left", "right"])
    for heads in (("left", "right"), ("right", "left")):
        merged = flow.join(*heads, rules=rules)
        assert flow.tree(merged) == expected
        assert "left and right left different content at f" in merged.notices[0]


def test_logs_are_joined_by_default_unless_a_project_sets_another_rule() -> None:
    rules = MergeRules.of({"*.csv": "last", "special.log": "drop"})
    assert rules.rule("a/train.log") == "union"
    assert rules.rule("special.log") == "drop"
    assert rules.rule("b.csv") == "last"
    assert rules.rule("b.bin") is None
    with pytest.raises(UsageError, match="ITH413"):
        MergeRules.of({"*.csv": "newest"})


def test_a_reused_execution_does_not_conflict_with_an_edit_of_an_earlier_step(
    store: Store, tmp_path: Path
) -> None:
    """After an edit of prepare, clean gives the same result, so train is reused."""
    flow = steps(store, tmp_path, {})
    flow.step("prepare-old", {b"x": b"raw"}, name="prepare")
    flow.step("clean", {b"x": b"clean"}, "prepare-old")
    flow.step("train", {b"x": b"clean", b"model": b""}, "clean")
    flow.step("prepare-new", {b"x": b"RAW"}, name="prepare")
    flow.step("plot", {b"x": b"RAW", b"plot": b""}, "prepare-new")
    expected = {b"x": b"clean", b"model": b"", b"plot": b""}
    assert flow.tree(flow.join("train", "plot")) == expected
    assert flow.tree(flow.join("plot", "train")) == expected


flat = st.dictionaries(
    st.sampled_from([b"a", b"b", b"c"]), st.sampled_from([b"0", b"1", {}, {b"x": b"0"}])
)


@settings(max_examples=60, deadline=None)
@given(source=flat, left=flat, right=flat, third=flat)
def test_the_order_of_unrelated_parents_does_not_matter(
    source: Tree, left: Tree, right: Tree, third: Tree
) -> None:
    home = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    try:
        flow = steps(LocalStore.open(home / "store"), home, source)
        for name, tree in {"left": left, "right": right, "third": third}.items():
            flow.step(name, tree)
        outcomes = set()
        for heads in itertools.permutations(flow.nodes):
            try:
                outcomes.add(flow.join(*heads).digest)
            except MergeConflict as conflict:
                outcomes.add(tuple((path, frozenset(names)) for path, names in conflict.paths))
        assert len(outcomes) == 1
        assert verify(flow.store) == []
    finally:
        shutil.rmtree(home)


@settings(max_examples=60, deadline=None)
@given(source=flat, changed=flat)
def test_joining_with_a_branch_that_changed_nothing_changes_nothing(
    source: Tree, changed: Tree
) -> None:
    home = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    try:
        flow = steps(LocalStore.open(home / "store"), home, source)
        flow.step("idle", source)
        flow.step("busy", changed)
        flow.step("same", changed)
        after = flow.nodes["busy"].after
        assert flow.join("idle", "busy").digest == after
        assert flow.join("busy", "idle").digest == after
        assert flow.join("busy", "same", "idle").digest == after
    finally:
        shutil.rmtree(home)
