"""The test vectors of docs/store-format.md, read with nothing but MessagePack and BLAKE3."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import pytest
from blake3 import blake3
from trees import write

from ithaca.errors import Corrupt, StoreError
from ithaca.store import Ignore, LocalStore, Store, entries, restore, snapshot, take, verify
from ithaca.store.snapshots.format import decode_tree, encode_tree

PAGE = Path(__file__).parents[2] / "docs" / "store-format.md"
ROOT = "c2c3fdb337f0be4ce611ace887cedb1f0464dada6c050ab31bbde72cf7cf1531"


def vectors() -> list[tuple[str, str, bytes]]:
    found = re.findall(
        r"^(blob|tree|attributes|snapshot) ([0-9a-f]{64})\n((?:[0-9a-f]+\n)+)",
        PAGE.read_text(),
        re.MULTILINE,
    )
    return [(kind, digest, bytes.fromhex(data.replace("\n", ""))) for kind, digest, data in found]


def test_the_page_has_the_vectors_and_their_digests_are_right() -> None:
    assert len(vectors()) == 7
    for kind, digest, data in vectors():
        if kind == "snapshot":
            assert blake3(data[:-32]).digest() == data[-32:]
            assert msgspec.msgpack.decode(data[:-32])[2][0].hex() == digest
        else:
            assert blake3(data).hexdigest() == digest


def test_a_store_written_by_the_specification_can_be_read(tmp_path: Path) -> None:
    home = tmp_path / "store"
    for kind, digest, data in vectors():
        folder = "snapshots" if kind == "snapshot" else "objects"
        path = home / folder / digest[:2] / digest[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (home / "version").write_text('{"format":"ithaca-store","version":1,"features":[]}\n')
    store = LocalStore.open(home, create=False)
    assert verify(store) == []
    assert snapshot(store, ROOT).created == 1.5
    assert list(entries(store, ROOT)) == ["a.txt", "empty", "link", "run\udcff"]
    restore(store, ROOT, tmp_path / "out")
    assert (tmp_path / "out" / "a.txt").read_text() == "hello\n"
    assert os.lstat(tmp_path / "out" / "link").st_mtime_ns == -1


def test_a_take_writes_the_bytes_of_the_specification(store: Store, tmp_path: Path) -> None:
    root = tmp_path / "a"
    run = b"run\xff"
    write(root, {b"a.txt": b"hello\n", b"empty": {}, run: ("x", b"#!/bin/sh\n")})
    os.symlink("a.txt", root / "link")
    os.utime(root / "a.txt", ns=(0, 1_700_000_000_123_456_789))
    os.utime(root / "empty", ns=(0, 0))
    os.utime(root / "link", ns=(0, -1), follow_symlinks=False)
    os.utime(os.fsencode(root) + b"/" + run, ns=(0, 1))
    os.chmod(root / "empty", 0o755)
    assert take(store, root, ignore=Ignore()).digest == ROOT
    for kind, digest, data in vectors():
        if kind != "snapshot":
            assert store.get_object(digest) == data
        else:  # all but the time of storing and the digest
            assert store.get_snapshot(digest)[:-40] == data[:-40]


def test_the_order_of_entries_does_not_change_the_digest_of_a_tree() -> None:
    tree = next(data for kind, digest, data in vectors() if digest == ROOT and kind == "tree")
    found = decode_tree(tree, ROOT)
    assert encode_tree(found[::-1]) == tree


def test_a_tree_of_a_newer_version_is_refused_with_the_cure() -> None:
    newer = msgspec.msgpack.encode(["ithaca.tree", 2, {"something": "else"}])
    with pytest.raises(StoreError, match=r"ITH401[\s\S]*upgrade Ithaca"):
        decode_tree(newer, "0" * 64)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"hello", msgspec.msgpack.encode(["x", 1, []])])
def test_bytes_that_are_not_a_tree_are_corrupt(data: bytes) -> None:
    with pytest.raises(Corrupt, match="ITH403"):
        decode_tree(data, "0" * 64)
