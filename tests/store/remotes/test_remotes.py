"""Pushing, pulling and verifying snapshots on remotes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from contents import LARGE, SMALL_TREE, objects_of, two_kinds
from hypothesis import HealthCheck, given, settings
from trees import Tree, read, store_tree, trees

from ithaca.errors import NotFound, StoreError
from ithaca.store import LocalStore, Store, entries, restore
from ithaca.store import verify as verify_store
from ithaca.store.remotes import (
    Remote,
    layout,
    list_runs,
    list_snapshots,
    pull,
    push,
    pusher,
    resolve,
    verify,
)

Stores = Callable[[], Store]


def requests(remote: Remote) -> int:
    count = remote.requests.total()
    remote.requests.clear()
    return count


def test_a_pushed_and_pulled_tree_is_the_same(
    store: Store, remote: Remote, other: Stores, tmp_path: Path
) -> None:
    tree = {**SMALL_TREE, b"large": LARGE, b"holes": bytes(40 << 20)}
    digest = store_tree(store, tmp_path / "work", tree)
    assert push(store, remote, [digest]).snapshots == 1
    there = other()
    assert pull(there, remote, [digest]).snapshots == 1
    restore(there, digest, tmp_path / "again")
    assert read(tmp_path / "again") == read(tmp_path / "work")
    assert entries(there, digest) == entries(store, digest)
    assert verify_store(there) == []
    assert verify(remote) == []


def test_nothing_is_transferred_twice(
    store: Store, remote: Remote, other: Stores, tmp_path: Path
) -> None:
    digest = store_tree(store, tmp_path / "work", SMALL_TREE)
    push(store, remote, [digest])
    requests(remote)
    again = push(store, remote, [digest])
    assert (again.snapshots, again.objects, again.bytes) == (0, 0, 0)
    assert dict(remote.requests) == {"head": 1}
    there = other()
    pull(there, remote, [digest])
    requests(remote)
    assert pull(there, remote, [digest]).objects == 0
    assert requests(remote) == 0


def test_only_changes_are_transferred(
    store: Store, remote: Remote, other: Stores, tmp_path: Path
) -> None:
    first = store_tree(store, tmp_path / "work", {b"large": LARGE, b"a": b"1", b"b": {b"c": b"2"}})
    push(store, remote, [first])
    (tmp_path / "work" / "a").write_bytes(b"changed")
    second = store_tree(store, tmp_path / "work", {})
    sent = push(store, Remote.open(remote.url), [second])
    assert sent.objects == 3  # the file, the root's tree and its attributes
    there = other()
    pull(there, remote, [first])
    requests(remote)
    fetched = pull(there, remote, [second])
    assert fetched.objects == 3
    assert requests(remote) <= 5
    assert verify(remote) == []


@two_kinds
def test_pushing_five_thousand_small_files_takes_few_requests(
    store: Store, remote: Remote, other: Stores, tmp_path: Path
) -> None:
    tree: Tree = {
        b"%d" % folder: {b"%d" % file: b"%d/%d" % (folder, file) for file in range(100)}
        for folder in range(50)
    }
    digest = store_tree(store, tmp_path / "work", tree)
    requests(remote)
    assert push(store, remote, [digest]).objects > 5000
    assert requests(remote) <= 8
    there = other()
    pull(there, remote, [digest])
    assert requests(remote) <= 8
    assert verify_store(there) == []


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(tree=trees)
def test_every_tree_survives_a_push_and_a_pull(memory: Path, tree: Tree) -> None:
    folder = Path(tempfile.mkdtemp(dir=memory))
    store, there = LocalStore.open(folder / "here"), LocalStore.open(folder / "there")
    digest = store_tree(store, folder / "work", tree)
    remote = Remote.open(f"file://{folder}/remote", create=True)
    push(store, remote, [digest])
    pull(there, remote, [digest])
    assert entries(there, digest) == entries(store, digest)
    assert verify_store(there) == []
    assert verify(remote) == []


@two_kinds
def test_a_snapshot_can_have_many_packs_and_indexes(
    store: Store,
    remote: Remote,
    other: Stores,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ithaca.store.remotes.packer.PACK_BYTES", 5000)
    monkeypatch.setattr("ithaca.store.remotes.packer.SMALL", 3000)
    for module in ("layout", "catalogue", "reader"):
        monkeypatch.setattr(f"ithaca.store.remotes.{module}.PACK_BYTES", 5000)
    monkeypatch.setattr(pusher, "_INDEX_AFTER", 10_000)
    monkeypatch.setattr(pusher, "_MOST_INDEXES_NAMED", 3)
    tree: Tree = {b"%d" % number: os.urandom(number * 97) for number in range(100)}
    digest = store_tree(store, tmp_path / "work", tree)
    push(store, remote, [digest])
    assert len(objects_of(remote, "indexes")) > 5
    there = other()
    requests(remote)
    pull(there, remote, [digest])
    assert verify_store(there) == []
    assert entries(there, digest) == entries(store, digest)
    assert verify(remote) == []


KILLED = """
import json, os, signal, sys
from pathlib import Path
import obstore.store
from ithaca.store import LocalStore
from ithaca.store.remotes import Remote, pull, push, reader, pusher, packer
packer.PACK_BYTES = 1 << 14
pusher._INDEX_AFTER = 1 << 16
reader._GAP = 0

def counted(function):
    def call(*arguments, **named):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **named)
    return call

for line in sys.stdin:
    what, store, url, digest, left = json.loads(line)
    if os.fork() == 0:
        Remote.create = counted(Remote.create)
        if what == "pull":
            LocalStore.put_object = counted(LocalStore.put_object)
        remote = Remote.open(url, create=True)
        {"push": push, "pull": pull}[what](LocalStore.open(Path(store)), remote, [digest])
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.wait()[1]), flush=True)
"""
"""Transfers in processes of their own, each killed after some writes."""

Transfer = Callable[[str, Store, str, int], int]


@pytest.fixture
def transfer(url: str) -> Iterator[Transfer]:
    """Makes a transfer that ends after so many writes, and returns the exit code."""
    with subprocess.Popen(
        [sys.executable, "-c", KILLED], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def run(what: str, store: Store, digest: str, left: int) -> int:
            print(json.dumps([what, str(store.path), url, digest, left]), file=process.stdin)
            process.stdin.flush()
            return int(process.stdout.readline())

        yield run


def test_a_killed_transfer_continues_when_it_is_repeated(
    store: Store, url: str, other: Stores, tmp_path: Path, transfer: Transfer
) -> None:
    tree: Tree = {b"%d" % number: os.urandom(2000) for number in range(100)}
    digest = store_tree(store, tmp_path / "work", tree)
    for left in (0, 1, 3, 5, 5):
        assert transfer("push", store, digest, left) == -9
        if left:  # before that there is no remote
            assert list_snapshots(Remote.open(url)) == ()
    packs = objects_of(remote := Remote.open(url), "packs")
    assert len(packs) > 3
    assert transfer("push", store, digest, 100) == 0
    assert {*packs} < {*objects_of(remote, "packs")}
    assert verify(remote) == []
    there = other()
    for left in (0, 1, 20, 70):
        assert transfer("pull", there, digest, left) == -9
        with pytest.raises(NotFound):
            there.get_snapshot(digest)
    fetched = pull(there, remote, [digest])
    assert 0 < fetched.objects < 60
    assert entries(there, digest) == entries(store, digest)
    assert verify_store(there) == []


def test_concurrent_writers_agree(store: Store, url: str, other: Stores, tmp_path: Path) -> None:
    tree: Tree = {b"%d" % number: b"%d" % number for number in range(300)}
    same = store_tree(store, tmp_path / "work", tree)
    writers, failures = [store], []
    own = []
    for number in range(3):
        writer = other()
        store_tree(writer, tmp_path / f"same{number}", tree)
        own.append(store_tree(writer, tmp_path / f"own{number}", {**tree, b"own": b"%d" % number}))
        writers.append(writer)

    def write(writer: Store, digests: list[str]) -> None:
        try:
            push(writer, Remote.open(url, create=True), digests)
        except Exception as error:
            failures.append(error)

    jobs = [[same], *([same, digest] for digest in own)]
    threads = [
        threading.Thread(target=write, args=pair) for pair in zip(writers, jobs, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    remote = Remote.open(url)
    assert list_snapshots(remote) == tuple(sorted([same, *own]))
    assert verify(remote) == []
    there = other()
    pull(there, remote, [same, *own])
    assert verify_store(there) == []


def test_documents_are_transferred_by_digest_and_by_name(
    store: Store, remote: Remote, other: Stores
) -> None:
    digests = [store.put(b"%d" % number) for number in range(5)]
    names = ["runs/1/end", "runs/1/steps/end/1/start", "runs/1/end/x", "runs/1/run", "keys/ab"]
    for name in names:
        store.create(name, name.encode())
    assert push(store, remote, documents=digests, names=names).documents == 10
    assert push(store, remote, documents=digests, names=names).documents == 0
    assert list(list_runs(remote)) == ["1"]
    there = other()
    there.create("keys/ab", b"first")
    assert pull(there, remote, documents=digests, names=names).documents == 9
    assert [there.read(name) for name in names[:4]] == [name.encode() for name in names[:4]]
    assert there.read("keys/ab") == b"first"
    assert [there.get(digest) for digest in digests] == [b"%d" % number for number in range(5)]


def test_a_prefix_of_a_digest_is_enough(store: Store, remote: Remote, tmp_path: Path) -> None:
    digest = store_tree(store, tmp_path / "work", SMALL_TREE)
    push(store, remote, [digest])
    assert resolve(remote, digest[:6]) == digest
    with pytest.raises(NotFound):
        resolve(remote, "0000" if digest[:4] != "0000" else "1111")


def test_indexes_are_cached(store: Store, remote: Remote, other: Stores, tmp_path: Path) -> None:
    digest = store_tree(store, tmp_path / "work", SMALL_TREE)
    push(store, remote, [digest])
    requests(remote)
    pull(other(), remote, [digest], cache=tmp_path / "cache")
    first = requests(remote)
    pull(other(), remote, [digest], cache=tmp_path / "cache")
    assert requests(remote) == first - 1
    for kept in (tmp_path / "cache").iterdir():
        kept.write_bytes(b"cut short")
    pull(other(), remote, [digest], cache=tmp_path / "cache")


def test_progress_ends_with_the_total(
    store: Store, remote: Remote, other: Stores, tmp_path: Path
) -> None:
    digest = store_tree(store, tmp_path / "work", {**SMALL_TREE, b"large": LARGE})
    reported: list[tuple[int, int]] = []
    sent = push(store, remote, [digest], progress=lambda *now: reported.append(now))
    assert reported[-1] == (sent.objects, sent.bytes)
    fetched = pull(other(), remote, [digest], progress=lambda *now: reported.append(now))
    assert reported[-1] == (fetched.objects, fetched.bytes) == (sent.objects, sent.bytes)


@two_kinds
def test_memory_does_not_grow_with_the_data(url: str, tmp_path: Path) -> None:
    program = f"""
import resource
from pathlib import Path
from ithaca.store import Ignore, LocalStore, take
from ithaca.store.remotes import Remote, pull, push
home = Path({str(tmp_path)!r})
(home / "work").mkdir()
for number in range(4):
    with (home / "work" / str(number)).open("wb") as file:
        for piece in range(100):
            file.write(bytes([number, piece]) * (1 << 19))
here, there = LocalStore.open(home / "here"), LocalStore.open(home / "there")
digest = take(here, home / "work", ignore=Ignore()).digest
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
remote = Remote.open({url!r}, create=True)
push(here, remote, [digest])
pull(there, remote, [digest])
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 300


def test_newer_versions_are_refused(store: Store, remote: Remote) -> None:
    remote.overwrite("version", layout.REMOTE.file().replace(b'"version":1', b'"version":2'))
    with pytest.raises(StoreError, match="version 2") as raised:
        Remote.open(remote.url)
    assert raised.value.code == "ITH401"
