from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ulid import ULID

from ithaca.backends.local import lock, work
from ithaca.backends.local.session import LocalSession


def test_a_lock_is_held_as_long_as_its_file_is_open(tmp_path: Path) -> None:
    path = tmp_path / "run" / "lock"
    held = lock.hold(path)
    assert lock.is_held(path)
    with pytest.raises(BlockingIOError):
        lock.hold(path)
    os.close(held)
    assert not lock.is_held(path)


def test_a_lock_goes_on_to_the_process_that_inherits_it_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = lock.hold(path)
    child = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=(held,)
    )
    os.close(held)
    assert lock.is_held(path)
    child.kill()
    child.communicate()
    assert not lock.is_held(path)


def test_the_owner_is_known_only_while_it_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = lock.hold(path)
    lock.write_owner(held)
    assert lock.owner(path) == os.getpid()
    os.close(held)
    assert lock.owner(path) is None


def test_a_run_without_a_lock_is_alive_only_while_it_is_submitted(tmp_path: Path) -> None:
    session = LocalSession(tmp_path)
    assert session.observe(str(ULID())).alive
    assert not session.observe(str(ULID.from_timestamp(time.time() - 60))).alive


def test_a_sweep_removes_what_dead_supervisors_left_and_nothing_else(tmp_path: Path) -> None:
    for name in ("dead", "living"):
        (work.run_folder(tmp_path, name) / "train" / "1").mkdir(parents=True)
    held = lock.hold(work.lock_path(tmp_path, "living"))
    sealed = work.run_folder(tmp_path, "dead") / "train" / "sealed"
    sealed.mkdir()
    (sealed / "file").touch()
    sealed.chmod(0o500)
    work.sweep(tmp_path)
    os.close(held)
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["living"]


def test_an_ended_attempts_folder_is_gone_at_once_and_deleted_later(tmp_path: Path) -> None:
    folder = work.run_folder(tmp_path, "run") / "train" / "1"
    folder.mkdir(parents=True)
    remover = work.Remover(tmp_path)
    remover.remove(folder)
    assert not folder.exists()
    remover.finish()
    assert list((tmp_path / "work" / work.TRASH).iterdir()) == []
