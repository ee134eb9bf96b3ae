from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ithaca.errors import UsageError
from ithaca.store import Ignore, SnapshotFilter, Store, take


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "docs").mkdir(parents=True)
    (folder / "train.py").write_text("1")
    (folder / "docs" / "index.md").write_text("first")
    return folder


def digest(store: Store, work: Path) -> str:
    return take(store, work, ignore=Ignore()).digest


def test_only_files_that_are_not_ignored_change_the_digest(store: Store, work: Path) -> None:
    counting, first = SnapshotFilter(store, ["*.md"]), digest(store, work)
    (work / "docs" / "index.md").write_text("second")
    (work / "README.md").write_text("new")
    edited = digest(store, work)
    assert first != edited
    assert counting.digest(first) == counting.digest(edited)
    (work / "train.py").write_text("2")
    assert counting.digest(digest(store, work)) != counting.digest(edited)


def test_the_digest_is_that_of_a_snapshot_without_the_ignored_files(
    store: Store, work: Path
) -> None:
    counted = SnapshotFilter(store, ["*.md"]).digest(digest(store, work))
    shutil.rmtree(work / "docs")
    assert counted == digest(store, work)


def test_an_empty_folder_is_not_ignored(store: Store, work: Path) -> None:
    first = digest(store, work)
    (work / "empty").mkdir()
    counting = SnapshotFilter(store, ["*.md"])
    assert counting.digest(first) != counting.digest(digest(store, work))


def test_values_are_never_ignored(store: Store, work: Path) -> None:
    pointer = work / ".ithaca-volume" / "values" / "names" / "x.json"
    pointer.parent.mkdir(parents=True)
    pointer.write_text("{}")
    counting, first = SnapshotFilter(store, ["*.json", ".*", "*"]), digest(store, work)
    pointer.write_text('{"deleted": true}')
    assert counting.digest(first) != counting.digest(digest(store, work))


def test_a_later_pattern_can_include_a_file_again(store: Store, work: Path) -> None:
    counting, first = SnapshotFilter(store, ["*.md", "!README.md"]), digest(store, work)
    (work / "README.md").write_text("new")
    assert counting.digest(first) != counting.digest(digest(store, work))


def test_without_patterns_nothing_is_ignored(store: Store) -> None:
    assert SnapshotFilter(store, []).digest("a" * 64) == "a" * 64


def test_digests_are_cached_and_a_damaged_cache_is_ignored(
    store: Store, work: Path, tmp_path: Path
) -> None:
    cache, snapshot = tmp_path / "cache", digest(store, work)
    counted = SnapshotFilter(store, ["*.md"], cache=cache).digest(snapshot)
    (hint,) = cache.rglob(snapshot)
    assert hint.read_text() == counted
    hint.write_bytes(b"\xff nonsense")
    assert SnapshotFilter(store, ["*.md"], cache=cache).digest(snapshot) == counted


def test_an_invalid_pattern_is_an_error_that_names_it(store: Store) -> None:
    with pytest.raises(UsageError) as raised:
        SnapshotFilter(store, ["!"])
    assert raised.value.where == "[tool.ithaca.reuse] ignore"
