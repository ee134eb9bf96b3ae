"""Files that change while they are read or between two takes, and processes that are killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from trees import write

from ithaca.errors import StoreError, UsageError
from ithaca.store import Ignore, LocalStore, StatCache, Store, restore, take, verify
from ithaca.store.snapshots import archiver, blobs


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, int], None]:
    """Simulates another process that writes to a file while it is read."""

    def write_while_read(path: Path, times: int) -> None:
        left = [times]

        def store_file(store: Store, descriptor: int, size: int) -> tuple[str, int]:
            found = blobs.store_file(store, descriptor, size)
            if os.fstat(descriptor).st_ino == path.stat().st_ino and left[0]:
                left[0] -= 1
                with open(path, "ab") as file:
                    file.write(b"x")
            return found

        monkeypatch.setattr(archiver, "store_file", store_file)

    return write_while_read


@pytest.mark.parametrize("size", [0, 10, 3 << 20])
def test_a_file_that_keeps_changing_is_an_error_that_names_it(
    store: Store, tmp_path: Path, writer: Callable[[Path, int], None], size: int
) -> None:
    root = tmp_path / "a"
    write(root, {b"quiet": b"", b"busy.log": bytes(size)})
    writer(root / "busy.log", 1000)
    with pytest.raises(StoreError, match=r"ITH407: .*busy\.log changes while it is read"):
        take(store, root, ignore=Ignore())
    assert verify(store) == []


def test_a_file_that_changes_briefly_is_read_again(
    store: Store, tmp_path: Path, writer: Callable[[Path, int], None]
) -> None:
    root = tmp_path / "a"
    write(root, {b"busy": bytes(10)})
    writer(root / "busy", 2)
    taken = take(store, root, ignore=Ignore())
    restore(store, taken.digest, tmp_path / "b")
    assert (tmp_path / "b" / "busy").read_bytes() == bytes(10) + b"xx"


def test_a_file_appended_to_by_another_thread_is_stored_in_one_consistent_state(
    store: Store, tmp_path: Path
) -> None:
    root = tmp_path / "a"
    write(root, {b"busy": bytes(4 << 20)})
    started = threading.Event()

    def scribble() -> None:
        with open(root / "busy", "ab", buffering=0) as file:
            for _ in range(200):
                file.write(b"x")
                started.set()

    thread = threading.Thread(target=scribble)
    thread.start()
    started.wait()
    taken = take(store, root, ignore=Ignore())
    thread.join()
    restore(store, taken.digest, tmp_path / "b")
    data = (tmp_path / "b" / "busy").read_bytes()
    assert data == bytes(4 << 20) + b"x" * (len(data) - (4 << 20))
    assert verify(store) == []


def test_a_change_of_the_same_size_at_the_same_time_is_found(store: Store, tmp_path: Path) -> None:
    root, cache = tmp_path / "a", StatCache()
    root.mkdir()
    for number in range(200):
        (root / "f").write_bytes(b"%03d" % number)
        with_cache = take(store, root, ignore=Ignore(), cache=cache).digest
        assert with_cache == take(store, root, ignore=Ignore()).digest


def test_a_change_right_after_a_restore_is_found(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "a", {b"f": b"000"})
    digest = take(store, tmp_path / "a", ignore=Ignore()).digest
    for number in range(1, 20):
        cache = StatCache()
        restore(store, digest, tmp_path / "b", cache=cache)
        times = os.stat(tmp_path / "b" / "f")
        with open(tmp_path / "b" / "f", "r+b") as file:
            file.write(b"%03d" % number)
        os.utime(tmp_path / "b" / "f", ns=(times.st_atime_ns, times.st_mtime_ns))
        taken = take(store, tmp_path / "b", ignore=Ignore(), cache=cache)
        assert taken.digest != digest


def test_an_unchanged_file_is_not_read_again(store: Store, tmp_path: Path) -> None:
    root, cache = tmp_path / "a", StatCache()
    write(root, {b"f": b"1", b"g": b"2"})
    time.sleep(0.05)
    assert take(store, root, ignore=Ignore(), cache=cache).read == 2
    assert take(store, root, ignore=Ignore(), cache=cache).read == 0
    (root / "g").write_bytes(b"3")
    assert take(store, root, ignore=Ignore(), cache=cache).read == 1


def test_a_cached_digest_that_the_store_lacks_is_ignored(store: Store, tmp_path: Path) -> None:
    root, cache = tmp_path / "a", StatCache()
    write(root, {b"f": b"1"})
    time.sleep(0.05)
    take(store, root, ignore=Ignore(), cache=cache)
    other = LocalStore.open(tmp_path / "other")
    take(other, root, ignore=Ignore(), cache=cache)
    assert verify(other) == []


def test_a_damaged_cache_is_treated_as_empty(tmp_path: Path, store: Store) -> None:
    (tmp_path / "cache").write_bytes(b"\x93garbage")
    write(tmp_path / "a", {b"f": b"1"})
    cache = StatCache.load(tmp_path / "cache")
    assert take(store, tmp_path / "a", ignore=Ignore(), cache=cache).read == 1


def test_an_unreadable_file_is_an_error_that_names_it(store: Store, tmp_path: Path) -> None:
    root = tmp_path / "a"
    write(root, {b"sub": {b"secret": b""}})
    os.chmod(root / "sub" / "secret", 0)
    script = """
        import os, sys
        from pathlib import Path
        from ithaca.store import Ignore, LocalStore, take
        store = LocalStore.open(Path(sys.argv[1]))
        root = os.open(sys.argv[2], os.O_RDONLY)
        if os.geteuid() == 0:
            os.setuid(65534)
        os.fchdir(root)
        try:
            take(store, Path("."), ignore=Ignore())
        except Exception as error:
            print(error)
    """
    os.chmod(store.path / "tmp", 0o777)
    for folder in (store.path, *store.path.parents):
        if folder.owner() == root.owner() and folder.is_relative_to(Path(*root.parts[:3])):
            os.chmod(folder, folder.stat().st_mode | 0o055)
    message = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), store.path, root],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "ITH406" in message
    assert "cannot read sub/secret: Permission denied" in message
    assert ".ithacaignore" in message
    os.chmod(root / "sub" / "secret", 0o600)


def test_a_missing_folder_is_a_usage_error(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ITH415"):
        take(store, tmp_path / "nowhere", ignore=Ignore())


def test_a_full_disk_is_an_error_and_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "a", {b"f": bytes(100_000), b"g": bytes(3 << 20)})
    script = """
        import resource, signal, sys
        from pathlib import Path
        from ithaca.store import Ignore, LocalStore, take
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
        try:
            take(LocalStore.open(Path(sys.argv[1])), Path(sys.argv[2]), ignore=Ignore())
        except Exception as error:
            print(error)
    """
    for limit in ("50000", "1000000"):
        message = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script), store.path, tmp_path / "a", limit],
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
        assert "ITH405" in message
        assert "cannot write to the store: File too large" in message
        assert os.listdir(store.path / "tmp") == []
        assert verify(store) == []


KILLED = """
    import sys
    from pathlib import Path
    from ithaca.store import Ignore, LocalStore, restore, take
    home = Path(sys.argv[1])
    store = LocalStore.open(home / "store")
    print("ready", flush=True)
    for number in range(10_000):
        (home / "work" / "new").write_bytes(b"%d" % number * 300_000)
        taken = take(store, home / "work", ignore=Ignore())
        store.create(f"runs/{number}/end", b"x" * 100_000)
        store.put(b"%d" % number * 50_000)
        restore(store, taken.digest, home / "restored")
"""


def test_a_process_killed_at_any_moment_leaves_a_store_that_verifies(
    tmp_path: Path, memory: Path
) -> None:
    write(memory / "work", {b"%d" % number: b"%d" % number * 999 for number in range(50)})
    chance = random.Random(4)
    for _ in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(KILLED), memory], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.random() * 0.15)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        store = LocalStore.open(memory / "store")
        assert verify(store) == []
        for run in store.list("runs/"):
            if store.exists(f"runs/{run}/end"):
                assert store.read(f"runs/{run}/end") == b"x" * 100_000
    taken = take(store, memory / "work", ignore=Ignore())
    restore(store, taken.digest, memory / "restored")
    assert take(store, memory / "restored", ignore=Ignore()).digest == taken.digest


def test_saving_a_cache_creates_its_folder(tmp_path: Path) -> None:
    place = tmp_path / "new" / "cache"
    StatCache().save(place)
    assert place.is_file()
