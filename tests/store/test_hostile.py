from __future__ import annotations

import os
import threading
from pathlib import Path

import msgspec
import pytest
from trees import read, write

from ithaca.errors import Corrupt, NotFound, StoreError, UnsafeSnapshot, UsageError
from ithaca.store import Ignore, LocalStore, Store, entries, resolve, restore, take, verify
from ithaca.store.snapshots.format import SnapshotBody, encode_snapshot

FILE, FOLDER, LINK = 0, 2, 3


def tree(store: Store, *rows: tuple[bytes, int, int, bytes]) -> str:
    """Store the bytes of an invalid tree."""
    return store.put_object(msgspec.msgpack.encode(["ithaca.tree", 1, rows]))


def snapshot(store: Store, root: str) -> str:
    body = SnapshotBody(tree=bytes.fromhex(root), attributes=None, files=0, total=0, created=0.0)
    store.add_snapshot(root, encode_snapshot(body))
    return root


def blob(store: Store, data: bytes = b"owned") -> bytes:
    return bytes.fromhex(store.put_object(data))


@pytest.mark.parametrize(
    "name",
    [b"", b".", b"..", b"../out", b"/etc/owned", b"a/b", b"a\0b", b"..\0"],
)
def test_a_name_that_could_escape_the_root_is_refused_before_anything_is_written(
    store: Store, tmp_path: Path, name: bytes
) -> None:
    inner = tree(store, (name, FILE, 5, blob(store)))
    root = tree(store, (b"a", FILE, 5, blob(store)), (b"d", FOLDER, 0, bytes.fromhex(inner)))
    digest = snapshot(store, root)
    with pytest.raises(UnsafeSnapshot, match="ITH404"):
        restore(store, digest, tmp_path / "target")
    assert not (tmp_path / "target").exists()
    assert sorted(os.listdir(tmp_path)) == ["store"]
    assert [problem.kind for problem in verify(store)] == ["snapshot"]


def test_a_link_and_a_folder_with_the_same_name_are_refused(store: Store, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    inner = tree(store, (b"f", FILE, 5, blob(store)))
    target = os.fsencode(outside)
    root = tree(store, (b"a", LINK, 0, target), (b"a", FOLDER, 0, bytes.fromhex(inner)))
    with pytest.raises(UnsafeSnapshot, match="duplicate"):
        restore(store, snapshot(store, root), tmp_path / "target")
    assert os.listdir(outside) == []


@pytest.mark.parametrize(
    "row",
    [(b"a", 9, 0, b""), (b"a", LINK, 0, b""), (b"a", LINK, 0, b"x\0y"), (b"a", FILE, 0, b"x")],
)
def test_invalid_entries_are_refused(
    store: Store, tmp_path: Path, row: tuple[bytes, int, int, bytes]
) -> None:
    digest = snapshot(store, tree(store, row))
    with pytest.raises(UnsafeSnapshot):
        entries(store, digest)


def test_a_snapshot_with_a_folder_dot_ithaca_is_refused(store: Store, tmp_path: Path) -> None:
    inner = tree(store, (b"f", FILE, 5, blob(store)))
    digest = snapshot(store, tree(store, (b".ithaca", FOLDER, 0, bytes.fromhex(inner))))
    with pytest.raises(UnsafeSnapshot, match=r"\.ithaca"):
        restore(store, digest, tmp_path / "target")


def test_folders_nested_too_deeply_are_refused(store: Store, tmp_path: Path) -> None:
    inner = tree(store)
    for _ in range(5000):
        inner = tree(store, (b"d", FOLDER, 0, bytes.fromhex(inner)))
    digest = snapshot(store, inner)
    with pytest.raises(UnsafeSnapshot, match="deep"):
        restore(store, digest, tmp_path / "target")
    assert verify(store) != []


def test_links_in_the_target_are_replaced_and_never_followed(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "a", {b"f": b"new", b"d": {b"x": b"new"}, b"l": ("link", b"f")})
    digest = take(store, tmp_path / "a", ignore=Ignore()).digest
    write(tmp_path / "outside", {b"f": b"precious", b"d": {b"x": b"precious"}})
    target = tmp_path / "target"
    target.mkdir()
    os.symlink(tmp_path / "outside" / "f", target / "f")
    os.symlink(tmp_path / "outside" / "d", target / "d")
    os.symlink(tmp_path / "outside", target / "extra")

    restore(store, digest, target)

    assert read(target) == read(tmp_path / "a")
    assert read(tmp_path / "outside") == {b"f": b"precious", b"d": {b"x": b"precious"}}


def test_a_hard_link_in_the_target_keeps_its_bytes_and_mode_elsewhere(
    store: Store, tmp_path: Path
) -> None:
    write(tmp_path / "a", {b"f": b"new", b"g": b"same"})
    digest = take(store, tmp_path / "a", ignore=Ignore()).digest
    write(tmp_path / "outside", {b"f": b"precious", b"g": b"same"})
    os.chmod(tmp_path / "outside" / "g", 0o600)
    (tmp_path / "target").mkdir()
    for name in ("f", "g"):
        os.link(tmp_path / "outside" / name, tmp_path / "target" / name)

    restore(store, digest, tmp_path / "target")

    assert read(tmp_path / "outside") == {b"f": b"precious", b"g": b"same"}
    assert os.stat(tmp_path / "outside" / "g").st_mode & 0o777 == 0o600


def test_a_folder_that_becomes_a_link_during_a_restore_writes_nothing_outside(
    store: Store, tmp_path: Path
) -> None:
    write(tmp_path / "a", {b"d%d" % n: {b"f": b"new"} for n in range(60)})
    digest = take(store, tmp_path / "a", ignore=Ignore()).digest
    outside, target = tmp_path / "outside", tmp_path / "target"
    outside.mkdir()
    target.mkdir()
    stop = threading.Event()

    def attack() -> None:
        number = 0
        while not stop.is_set():
            number = (number + 1) % 60
            victim = target / f"d{number}"
            if victim.is_symlink() or not victim.exists():
                continue
            try:
                os.rename(victim, target / f"moved{number}-{os.urandom(4).hex()}")
                os.symlink(outside, victim)
            except OSError:
                continue

    attacker = threading.Thread(target=attack)
    attacker.start()
    try:
        for _ in range(12):
            try:
                restore(store, digest, target)
            except StoreError:
                continue
    finally:
        stop.set()
        attacker.join()
    assert os.listdir(outside) == []


def test_set_user_id_bits_are_not_restored(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "a", {b"f": ("x", b"")})
    os.chmod(tmp_path / "a" / "f", 0o6755)
    restore(store, take(store, tmp_path / "a", ignore=Ignore()).digest, tmp_path / "b")
    assert os.stat(tmp_path / "b" / "f").st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("size", [5, 3 << 20])
def test_a_modified_file_is_corrupt_and_is_not_restored_in_part(
    store: Store, tmp_path: Path, size: int
) -> None:
    write(tmp_path / "a", {b"f": bytes(size)})
    digest = take(store, tmp_path / "a", ignore=Ignore()).digest
    damaged = entries(store, digest)["f"].digest
    path = Path(store.address("objects", damaged))
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.write(b"X")
    with pytest.raises(Corrupt, match=rf"ITH403[\s\S]*{damaged}[\s\S]*snapshots verify"):
        restore(store, digest, tmp_path / "b")
    assert not (tmp_path / "b" / "f").exists()
    assert {problem.name for problem in verify(store)} == {damaged, digest}


def test_a_repair_moves_damaged_objects_away_so_that_a_take_writes_them_again(
    store: Store, tmp_path: Path
) -> None:
    write(tmp_path / "a", {b"f": b"hello"})
    digest = take(store, tmp_path / "a", ignore=Ignore()).digest
    path = Path(store.address("objects", entries(store, digest)["f"].digest))
    os.chmod(path, 0o644)
    path.write_bytes(b"hallo")
    assert "moved to damaged" in verify(store, repair=True)[0].message
    with pytest.raises(NotFound):
        restore(store, digest, tmp_path / "b")
    take(store, tmp_path / "a", ignore=Ignore())
    assert verify(store) == []


@pytest.mark.parametrize("folder", ["objects", "documents", "snapshots"])
def test_every_flipped_bit_in_the_store_is_found(store: Store, tmp_path: Path, folder: str) -> None:
    write(tmp_path / "a", {b"f": b"hello", b"d": {b"x": ("x", b"1")}})
    take(store, tmp_path / "a", ignore=Ignore())
    store.put(b"document")
    for path in sorted((store.path / folder).rglob("*")):
        if path.is_dir():
            continue
        good = path.read_bytes()
        os.chmod(path, 0o644)
        path.write_bytes(bytes([good[0] ^ 1]) + good[1:])
        assert verify(store), path
        path.write_bytes(good)
    assert verify(store) == []


def test_a_missing_object_is_found(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "a", {b"d": {b"f": b"hello"}})
    digest = take(store, tmp_path / "a", ignore=Ignore()).digest
    os.unlink(store.address("objects", entries(store, digest)["d/f"].digest))
    assert [problem.message for problem in verify(store)] == [
        f"object {'ea8f163db38682925e4491c5e58d4bb3506ef8c14eb78a86e908c5624a67200f'} of d/f "
        "is missing"
    ]


def test_a_prefix_that_is_ambiguous_unknown_or_too_short_is_refused(
    store: Store, tmp_path: Path
) -> None:
    write(tmp_path / "a", {b"f": b"1"})
    digest = take(store, tmp_path / "a", ignore=Ignore()).digest
    assert resolve(store, digest[:6]) == digest
    other = digest[:5] + ("0" if digest[5] != "0" else "1") + digest[6:]
    store.add_snapshot(other, b"")
    with pytest.raises(UsageError, match="2 snapshots"):
        resolve(store, digest[:5])
    with pytest.raises(UsageError, match="too short"):
        resolve(store, digest[:3])
    with pytest.raises(NotFound):
        resolve(store, "f" * 64)


def test_restoring_over_the_store_or_a_folder_that_holds_it_never_removes_it(
    tmp_path: Path,
) -> None:
    store = LocalStore.open(tmp_path / "work" / "deep" / "store")
    write(tmp_path / "a", {b"f": b"1"})
    digest = take(store, tmp_path / "a", ignore=Ignore()).digest
    restore(store, digest, tmp_path / "work")
    assert verify(store) == []
    assert (tmp_path / "work" / "f").exists()
    with pytest.raises(StoreError, match="store itself"):
        restore(store, digest, store.path)
