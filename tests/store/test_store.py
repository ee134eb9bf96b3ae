from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ithaca.errors import Corrupt, NotFound, StoreError, UsageError
from ithaca.store import LocalStore, Store


def test_a_document_is_created_once_and_the_first_one_stays(store: Store) -> None:
    assert store.create("runs/1/run", b"first")
    assert not store.create("runs/1/run", b"second")
    assert store.read("runs/1/run") == b"first"


def test_a_hint_is_overwritten_completely(store: Store) -> None:
    store.overwrite("runs/1/a/1/progress", b"1")
    store.overwrite("runs/1/a/1/progress", b"2")
    assert store.read("runs/1/a/1/progress") == b"2"


def test_listing_names_the_direct_children_sorted_with_folders(store: Store) -> None:
    for name in ("runs/b/run", "runs/a/run", "runs/a/load/1/start", "keys/ff"):
        store.create(name, b"")
    assert store.list("runs/") == ["a", "b"]
    assert store.list("runs/a") == ["load", "run"]
    assert store.list("") == ["keys", "runs"]
    assert store.list("nowhere/") == []


@pytest.mark.parametrize("step", ["run", "end", "start", "progress"])
def test_a_step_may_have_the_name_of_a_document(store: Store, step: str) -> None:
    assert store.create(f"runs/1/{step}", b"document")
    assert store.create(f"runs/1/{step}/1/start", b"step")
    assert store.read(f"runs/1/{step}") == b"document"
    assert store.list("runs/1") == [step]
    assert store.list(f"runs/1/{step}") == ["1"]


def test_a_document_with_the_name_of_a_folder_is_refused(store: Store) -> None:
    store.create("runs/1/load/1/end", b"")
    with pytest.raises(UsageError, match="a folder has this name"):
        store.create("runs/1/load", b"")
    store.create("runs/1/load/1/end.json", b"")
    with pytest.raises(UsageError, match="is a document"):
        store.create("runs/1/load/1/end.json/a", b"")


@pytest.mark.parametrize(
    "name",
    ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".hidden", "a/.b", "objects/ab", "tmp/x",
     "a\0b", "a b", "version", "a~"],
)  # fmt: skip
def test_names_that_could_escape_the_store_or_use_its_folders_are_refused(
    store: Store, name: str
) -> None:
    with pytest.raises(UsageError, match="ITH411"):
        store.create(name, b"")


def test_a_missing_document_or_object_is_not_found(store: Store) -> None:
    for ask in (
        lambda: store.read("runs/1/run"),
        lambda: store.get("0" * 64),
        lambda: store.get("../../etc/passwd"),
        lambda: store.get_snapshot("0" * 64),
    ):
        with pytest.raises(NotFound, match="ITH402"):
            ask()
    assert not store.exists("runs/1/run")


def test_a_document_is_named_by_its_bytes(store: Store) -> None:
    digest = store.put(b"hello")
    assert digest == "ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f"
    assert store.put(b"hello") == digest
    assert store.get(digest) == b"hello"


def test_a_damaged_document_is_never_returned(store: Store) -> None:
    digest = store.put(b"hello")
    path = store.address("documents", digest)
    os.chmod(path, 0o644)
    Path(path).write_bytes(b"hallo")
    with pytest.raises(Corrupt, match=f"{digest} is damaged"):
        store.get(digest)


def test_an_object_truncated_by_a_system_crash_is_written_again(store: Store) -> None:
    digest = store.put_object(b"hello")
    path = store.address("objects", digest)
    os.truncate(path, 0)
    assert store.put_object(b"hello") == digest
    assert store.get_object(digest) == b"hello"


def test_stored_files_are_read_only(store: Store) -> None:
    store.create("keys/a", b"1")
    assert os.stat(store.path / "keys" / "a").st_mode & 0o777 == 0o444
    assert os.stat(store.address("objects", store.put_object(b"x"))).st_mode & 0o777 == 0o444


def test_a_store_of_a_newer_format_is_refused_with_the_cure(tmp_path: Path) -> None:
    LocalStore.open(tmp_path / "s")
    version = tmp_path / "s" / "version"
    for newer in (b'{"format":"ithaca-store","version":2}',
                  b'{"format":"ithaca-store","version":1,"features":["packs"]}'):  # fmt: skip
        version.unlink()
        version.write_bytes(newer)
        with pytest.raises(StoreError, match=r"ITH401[\s\S]*pip install -U ithaca"):
            LocalStore.open(tmp_path / "s")


def test_a_folder_with_other_files_does_not_become_a_store(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(StoreError, match="ITH400"):
        LocalStore.open(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_missing_store_is_not_found_unless_it_may_be_created(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        LocalStore.open(tmp_path / "none", create=False)
    assert not (tmp_path / "none").exists()


def test_opening_removes_temporary_files_older_than_a_day_only(store: Store) -> None:
    old, young = store.path / "tmp" / "1-old", store.path / "tmp" / "1-young"
    old.write_bytes(b"")
    young.write_bytes(b"")
    os.utime(old, (time.time() - 90_000,) * 2)
    LocalStore.open(store.path)
    assert not old.exists()
    assert young.exists()
