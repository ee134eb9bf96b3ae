from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from trees import Tree, read, trees, write

from ithaca.store import Ignore, LocalStore, StatCache, Store, diff, entries, restore, take, verify


@settings(max_examples=60, deadline=None)
@given(tree=trees)
def test_taking_restoring_and_taking_again_gives_the_same_snapshot(tree: Tree) -> None:
    home = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    try:
        store = LocalStore.open(home / "store")
        write(home / "a", tree)
        taken = take(store, home / "a", ignore=Ignore())
        restore(store, taken.digest, home / "b")
        assert read(home / "b") == read(home / "a")
        assert take(store, home / "b", ignore=Ignore()).digest == taken.digest
        assert verify(store) == []
    finally:
        shutil.rmtree(home)


@settings(max_examples=60, deadline=None)
@given(first=trees, second=trees)
def test_restoring_over_another_tree_leaves_exactly_the_snapshot(first: Tree, second: Tree) -> None:
    home = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
    try:
        store, cache = LocalStore.open(home / "store"), StatCache()
        write(home / "a", first)
        write(home / "b", second)
        a = take(store, home / "a", ignore=Ignore()).digest
        b = take(store, home / "b", ignore=Ignore(), cache=cache).digest
        assert bool(diff(store, a, b)) == (a != b)
        restore(store, a, home / "b", cache=cache)
        assert read(home / "b") == read(home / "a")
        assert take(store, home / "b", ignore=Ignore(), cache=cache).digest == a
    finally:
        shutil.rmtree(home)


def test_names_bytes_links_modes_and_times_are_restored(store: Store, tmp_path: Path) -> None:
    tree: Tree = {
        b"plain.txt": b"hello\n",
        b"run.sh": ("x", b"#!/bin/sh\n"),
        b"empty": {},
        b"deep": {b"er": {b"er": {b"f": b""}}},
        b"not-utf8-\xff\xfe": b"1",
        b"new\nline": b"2",
        b"dangling": ("link", b"nowhere"),
        b"outside": ("link", b"/etc/passwd"),
    }
    write(tmp_path / "a", tree)
    os.chmod(tmp_path / "a" / "plain.txt", 0o640)
    os.chmod(tmp_path / "a" / "empty", 0o750)
    for path in (
        tmp_path / "a" / "plain.txt",
        tmp_path / "a" / "deep",
        tmp_path / "a" / "dangling",
    ):
        os.utime(path, ns=(1, 1_234_567_890_123_456_789), follow_symlinks=False)
    os.utime(tmp_path / "a" / "run.sh", ns=(0, -5_000_000_001))
    digest = take(store, tmp_path / "a", ignore=Ignore()).digest

    restore(store, digest, tmp_path / "b")

    assert read(tmp_path / "b") == tree
    for path in ("plain.txt", "empty", "deep", "deep/er", "dangling", "run.sh", "outside"):
        before, after = os.lstat(tmp_path / "a" / path), os.lstat(tmp_path / "b" / path)
        assert (before.st_mode, before.st_mtime_ns) == (after.st_mode, after.st_mtime_ns), path


def test_the_digest_depends_on_bytes_kind_and_executable_bit_but_not_on_times_and_modes(
    store: Store, tmp_path: Path
) -> None:
    root = tmp_path / "a"
    write(root, {b"f": b"1"})

    def name() -> str:
        return take(store, root, ignore=Ignore()).digest

    first = name()
    os.utime(root / "f", (0, 0))
    os.chmod(root / "f", 0o600)
    assert name() == first
    os.chmod(root / "f", 0o700)
    assert name() != first
    os.chmod(root / "f", 0o600)
    (root / "f").write_bytes(b"2")
    assert name() != first
    (root / "f").unlink()
    os.symlink("1", root / "f")
    assert name() != first


def test_entries_are_flat_and_sorted(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "a", {b"d": {b"x": b"12"}, b"a": ("x", b""), b"l": ("link", b"a")})
    found = entries(store, take(store, tmp_path / "a", ignore=Ignore()).digest)
    assert list(found) == ["a", "d", "d/x", "l"]
    assert found["a"].executable
    assert found["d"].kind == "dir"
    assert found["d/x"].size == 2
    assert found["l"].target == b"a"


def test_a_diff_lists_added_removed_and_changed_paths(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "a", {b"d": {b"x": b"1"}, b"same": b"", b"f": b"1", b"was": {b"y": b""}})
    write(tmp_path / "b", {b"d": {b"x": b"2"}, b"same": b"", b"f": {}, b"new": {b"z": b""}})
    a = take(store, tmp_path / "a", ignore=Ignore()).digest
    b = take(store, tmp_path / "b", ignore=Ignore()).digest
    assert [(change.path, change.kind) for change in diff(store, a, b)] == [
        ("d/x", "changed"),
        ("f", "changed"),
        ("new", "added"),
        ("new/z", "added"),
        ("was", "removed"),
        ("was/y", "removed"),
    ]
    assert diff(store, a, a) == []


def test_restoring_in_place_writes_only_differences(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "a", {b"same": b"1", b"other": b"2", b"gone": b"3", b"d": {b"same": b"4"}})
    digest = take(store, tmp_path / "a", ignore=Ignore()).digest
    inodes = {name: os.stat(tmp_path / "a" / name).st_ino for name in ("same", "other", "d/same")}
    (tmp_path / "a" / "other").write_bytes(b"x")
    (tmp_path / "a" / "gone").unlink()
    (tmp_path / "a" / "extra").mkdir()

    restore(store, digest, tmp_path / "a")

    again = {name: os.stat(tmp_path / "a" / name).st_ino for name in inodes}
    assert again["same"] == inodes["same"]
    assert again["d/same"] == inodes["d/same"]
    assert read(tmp_path / "a") == {
        b"same": b"1", b"other": b"2", b"gone": b"3", b"d": {b"same": b"4"}
    }  # fmt: skip


def test_taking_a_restored_folder_reads_only_changed_files(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "a", {b"%d" % number: b"%d" % number for number in range(20)})
    for path in (tmp_path / "a").iterdir():
        os.utime(path, (1_000_000, 1_000_000))
    digest = take(store, tmp_path / "a", ignore=Ignore()).digest
    cache = StatCache()
    restore(store, digest, tmp_path / "b", cache=cache)
    cache.save(tmp_path / "cache")
    (tmp_path / "b" / "7").write_bytes(b"8")

    taken = take(store, tmp_path / "b", ignore=Ignore(), cache=StatCache.load(tmp_path / "cache"))

    assert taken.read == 1
    assert taken.digest == take(store, tmp_path / "b", ignore=Ignore()).digest != digest


@pytest.mark.parametrize("holes", [(0, 9), (3, 5), (9, 0)])
def test_holes_of_sparse_files_are_restored(
    store: Store, tmp_path: Path, holes: tuple[int, int]
) -> None:
    (tmp_path / "a").mkdir()
    with open(tmp_path / "a" / "sparse", "wb") as file:
        file.seek(holes[0] << 20)
        file.write(b"data" * 100_000)
        file.truncate(file.tell() + (holes[1] << 20))
    digest = take(store, tmp_path / "a", ignore=Ignore()).digest
    restore(store, digest, tmp_path / "b")
    assert (tmp_path / "a" / "sparse").read_bytes() == (tmp_path / "b" / "sparse").read_bytes()
    status = os.stat(tmp_path / "b" / "sparse")
    assert status.st_blocks * 512 < status.st_size / 2
    assert verify(store) == []


def test_a_large_file_is_restored(store: Store, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    data = os.urandom(9_000_001)
    (tmp_path / "a" / "large").write_bytes(data)
    restore(store, take(store, tmp_path / "a", ignore=Ignore()).digest, tmp_path / "b")
    assert (tmp_path / "b" / "large").read_bytes() == data


def test_a_read_only_folder_is_restored_and_updated(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "a", {b"d": {b"x": b"1", b"e": {b"y": b"2"}}})
    os.chmod(tmp_path / "a" / "d" / "e", 0o500)
    os.chmod(tmp_path / "a" / "d", 0o500)
    digest = take(store, tmp_path / "a", ignore=Ignore()).digest
    restore(store, digest, tmp_path / "b")
    os.chmod(tmp_path / "b" / "d", 0o700)
    (tmp_path / "b" / "d" / "x").write_bytes(b"changed")
    os.chmod(tmp_path / "b" / "d", 0o000)
    restore(store, digest, tmp_path / "b")
    assert os.stat(tmp_path / "b" / "d").st_mode & 0o777 == 0o500
    assert os.stat(tmp_path / "b" / "d" / "e").st_mode & 0o777 == 0o500
    assert (tmp_path / "b" / "d" / "x").read_bytes() == b"1"
    for folder in ("a/d", "b/d"):
        os.chmod(tmp_path / folder, 0o700)
        os.chmod(tmp_path / folder / "e", 0o700)
