"""Damage on a remote is refused, reported, and repaired by a push."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from contents import LARGE, SMALL_TREE, objects_of, two_kinds
from trees import store_tree

from ithaca.errors import Corrupt, NotFound
from ithaca.store import Store
from ithaca.store import verify as verify_store
from ithaca.store.remotes import Remote, pull, push, verify

Stores = Callable[[], Store]


def test_a_modified_pack_is_refused(
    store: Store, remote: Remote, other: Stores, tmp_path: Path
) -> None:
    digest = store_tree(store, tmp_path / "work", {b"a": b"good" * 100, b"large": LARGE})
    push(store, remote, [digest])
    for name in objects_of(remote, "packs"):
        data = bytearray(remote.get(name))
        data[-1] ^= 1
        remote.overwrite(name, bytes(data))
        there = other()
        with pytest.raises(Corrupt) as raised:
            pull(there, remote, [digest])
        assert raised.value.code == "ITH424"
        assert verify_store(there) == []  # the received objects are valid
        assert list(there.digests("snapshots")) == []
        assert {problem.kind for problem in verify(remote)} >= {"pack", "snapshot"}
        data[-1] ^= 1
        remote.overwrite(name, bytes(data))
    assert verify(remote) == []


@two_kinds
@pytest.mark.parametrize("left", [0, 1, 20])
def test_a_truncated_pack_is_refused(
    left: int, store: Store, remote: Remote, other: Stores, tmp_path: Path
) -> None:
    digest = store_tree(store, tmp_path / "work", {b"a": b"good" * 100, b"large": LARGE})
    push(store, remote, [digest])
    for name in objects_of(remote, "packs"):
        data = remote.get(name)
        remote.overwrite(name, data[:left])
        there = other()
        with pytest.raises(Corrupt) as raised:
            pull(there, remote, [digest])
        assert raised.value.code == "ITH424"
        assert verify_store(there) == []
        assert verify(remote) != []
        remote.overwrite(name, data)


@pytest.mark.parametrize("folder", ["indexes", "snapshots", "documents"])
def test_modified_indexes_snapshots_and_documents_are_refused(
    folder: str, store: Store, remote: Remote, other: Stores, tmp_path: Path
) -> None:
    digest = store_tree(store, tmp_path / "work", SMALL_TREE)
    document = store.put(b"a document")
    push(store, remote, [digest], documents=[document])
    (name,) = objects_of(remote, folder)
    data = remote.get(name)
    remote.overwrite(name, data[:-1] + bytes([data[-1] ^ 1]))
    there = other()
    with pytest.raises(Corrupt):
        pull(there, remote, [digest], documents=[document])
    assert verify_store(there) == []
    assert verify(remote) != []


def test_a_missing_pack_is_reported_and_sent_again_under_its_name(
    store: Store, url: str, other: Stores, tmp_path: Path
) -> None:
    if not url.startswith("file"):
        pytest.skip("a folder is enough for this")
    remote = Remote.open(url, create=True)
    digest = store_tree(store, tmp_path / "work", SMALL_TREE)
    push(store, remote, [digest])
    (name,) = objects_of(remote, "packs")
    (Path(url.removeprefix("file://")) / name).unlink()
    with pytest.raises(NotFound):
        pull(other(), remote, [digest])
    assert {problem.kind for problem in verify(remote)} == {"pack", "snapshot"}


def test_a_snapshot_whose_object_was_moved_away_is_repaired_by_a_pull(
    store: Store, remote: Remote, other: Stores, tmp_path: Path
) -> None:
    digest = store_tree(store, tmp_path / "work", SMALL_TREE)
    push(store, remote, [digest])
    there = other()
    pull(there, remote, [digest])
    for victim in there.digests("objects"):
        Path(there.address("objects", victim)).unlink()
        pull(there, remote, [digest])
        assert verify_store(there) == []
