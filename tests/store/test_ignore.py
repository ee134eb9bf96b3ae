from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from trees import Tree, write

from ithaca.errors import UsageError
from ithaca.store import Ignore, Limits, LocalStore, Store, Taken, entries, restore, take


def paths(store: Store, taken: Taken) -> list[str]:
    return list(entries(store, taken.digest))


def test_defaults_leave_out_histories_environments_caches_and_bytecode(
    store: Store, tmp_path: Path
) -> None:
    tree: Tree = {
        b".git": {b"HEAD": b""},
        b".ithaca": {b"store": {}},
        b"my-env": {b"pyvenv.cfg": b"", b"bin": {}},
        b"conda": {b"conda-meta": {}, b"lib": {}},
        b"node_modules": {b"x": b""},
        b"__pycache__": {b"a.pyc": b""},
        b".ipynb_checkpoints": {b"a.ipynb": b""},
        b".mypy_cache": {},
        b"a.pyc": b"",
        b"a.py": b"",
        b"empty": {},
    }
    write(tmp_path / "a", tree)
    taken = take(store, tmp_path / "a", ignore=Ignore.read(tmp_path / "a"))
    assert paths(store, taken) == ["a.py", "empty"]
    assert taken.left_out == ()
    assert set(taken.ignored) == {".git", "conda", "my-env", "node_modules"}
    assert take(store, tmp_path / "a", ignore=Ignore(source=True)).ignored == ()


def test_patterns_of_the_user_leave_out_and_include(store: Store, tmp_path: Path) -> None:
    root = tmp_path / "a"
    write(
        root, {b"data": {b"x": b""}, b"a.tmp": b"", b"keep.tmp": b"", b"env": {b"pyvenv.cfg": b""}}
    )
    (root / ".ithacaignore").write_text("# big\n/data/\n*.tmp\n!keep.tmp\n!env/\n")
    taken = take(store, root, ignore=Ignore.read(root))
    assert paths(store, taken) == [".ithacaignore", "env", "env/pyvenv.cfg", "keep.tmp"]
    assert set(taken.ignored) == {"data", "a.tmp"}


def test_files_that_look_like_credentials_are_left_out_and_listed(
    store: Store, tmp_path: Path
) -> None:
    root = tmp_path / "a"
    tree: Tree = {
        b".env": b"", b".env.local": b"", b".env.example": b"", b"server.pem": b"", b"a.key": b"",
        b".netrc": b"", b"id_rsa": b"", b"id_rsa.pub": b"", b".aws": {b"config": b""},
        b"sub": {b".env": b"", b"kaggle.json": b""},
    }  # fmt: skip
    write(root, tree)
    taken = take(store, root, ignore=Ignore.read(root))
    assert paths(store, taken) == [".env.example", "id_rsa.pub", "sub"]
    assert set(taken.left_out) == {
        ".aws/", ".env", ".env.local", ".netrc", "a.key", "id_rsa", "server.pem", "sub/.env",
        "sub/kaggle.json",
    }  # fmt: skip
    assert "left out because they look like credentials: .aws/, .env" in taken.notices[0]


def test_shell_histories_are_left_out(store: Store, tmp_path: Path) -> None:
    root = tmp_path / "a"
    histories = [b".bash_history", b".zsh_history", b".python_history", b".psql_history"]
    write(root, {**dict.fromkeys(histories, b""), b"price_history": b"", b"loss.history": b""})
    taken = take(store, root, ignore=Ignore.read(root))
    assert paths(store, taken) == ["loss.history", "price_history"]
    assert taken.left_out == tuple(sorted(name.decode() for name in histories))


def test_a_credential_that_the_user_names_is_included(store: Store, tmp_path: Path) -> None:
    root = tmp_path / "a"
    write(root, {b".env": b"", b".aws": {b"config": b"", b"credentials": b""}})
    (root / ".ithacaignore").write_text("!.env\n!.aws/config\n")
    taken = take(store, root, ignore=Ignore.read(root))
    assert paths(store, taken) == [".aws", ".aws/config", ".env", ".ithacaignore"]
    assert taken.left_out == (".aws/credentials",)


def test_a_source_contains_neither_notebooks_nor_the_folder_of_ithaca(
    store: Store, tmp_path: Path
) -> None:
    root = tmp_path / "a"
    write(root, {b"n.ipynb": b"", b".ithaca-volume": {b"v": b""}, b"f": b""})
    source = take(store, root, ignore=Ignore.read(root, source=True))
    step = take(store, root, ignore=Ignore.read(root))
    assert paths(store, source) == ["f"]
    assert paths(store, step) == [".ithaca-volume", ".ithaca-volume/v", "f", "n.ipynb"]


def test_ithacas_folder_keeps_its_environment_but_no_bytecode(store: Store, tmp_path: Path) -> None:
    root = tmp_path / "a"
    inner: Tree = {
        b"pyvenv.cfg": b"", b"cacert.pem": b"", b".cache": {}, b"__pycache__": {b"a.pyc": b""}
    }  # fmt: skip
    write(root, {b".ithaca-volume": {b"environment": inner}})
    (root / ".ithacaignore").write_text("*.pem\n")
    taken = take(store, root, ignore=Ignore.read(root))
    below = [path for path in paths(store, taken) if path.count("/") == 2]
    assert [path.rpartition("/")[2] for path in below] == [".cache", "cacert.pem", "pyvenv.cfg"]


def test_the_user_cannot_override_reserved_patterns(store: Store, tmp_path: Path) -> None:
    root = tmp_path / "a"
    write(root, {b"runner": {b"x": b""}, b"f": b""})
    (root / ".ithacaignore").write_text("!runner\n")
    taken = take(store, root, ignore=Ignore.read(root, extra=["/runner/"]))
    assert paths(store, taken) == [".ithacaignore", "f"]


def test_sockets_and_pipes_are_skipped_with_a_notice(store: Store, tmp_path: Path) -> None:
    root = tmp_path / "a"
    write(root, {b"f": b""})
    os.mkfifo(root / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(os.path.relpath(root / "sock"))
    taken = take(store, root, ignore=Ignore.read(root))
    listener.close()
    assert paths(store, taken) == ["f"]
    assert taken.skipped == ("pipe", "sock")
    assert "pipe, sock" in taken.notices[0]


def test_a_store_inside_the_folder_is_never_part_of_its_snapshot(tmp_path: Path) -> None:
    write(tmp_path / "a", {b"f": b""})
    store = LocalStore.open(tmp_path / "a" / "results")
    assert paths(store, take(store, tmp_path / "a", ignore=Ignore())) == ["f"]


def test_a_source_that_is_too_large_is_refused_with_lines_that_ignore_its_largest_entries(
    store: Store, tmp_path: Path
) -> None:
    root = tmp_path / "a"
    write(root, {b"data": {b"raw [1]": {b"big": bytes(5000)}, b"s": b""}, b"small": bytes(100)})
    with pytest.raises(UsageError) as raised:
        take(store, root, ignore=Ignore.read(root, source=True), limits=Limits(bytes=1000))
    assert "5.0 KiB in 3 files" in str(raised.value)
    assert "data/raw [1]" in raised.value.message
    line = next(line.strip() for line in raised.value.cure.splitlines() if "raw" in line)
    (root / ".ithacaignore").write_text(line + "\n")
    limits = Limits(bytes=1000)
    assert take(store, root, ignore=Ignore.read(root, source=True), limits=limits).files == 3


def test_too_many_files_are_refused(store: Store, tmp_path: Path) -> None:
    root = tmp_path / "a"
    write(root, {b"many": {b"%d" % number: b"" for number in range(20)}, b"f": bytes(9)})
    with pytest.raises(UsageError, match=r"ITH408[\s\S]*21 files[\s\S]*20 files  many"):
        take(store, root, ignore=Ignore.read(root, source=True), limits=Limits(files=10))


def test_a_restore_can_keep_files_that_a_snapshot_would_leave_out(
    store: Store, tmp_path: Path
) -> None:
    root = tmp_path / "a"
    write(root, {b"f": b"1"})
    digest = take(store, root, ignore=Ignore()).digest
    write(root, {
        b".git": {b"HEAD": b""}, b"env": {b"pyvenv.cfg": b""}, b".env": b"secret",
        b"sub": {b".env": b"", b"x": b""}, b"extra": {b"y": b""}, b".ithaca": {b"keep": b""},
    })  # fmt: skip
    restore(store, digest, root, keep=Ignore.read(root))
    assert sorted(os.listdir(root)) == [".env", ".git", ".ithaca", "env", "f", "sub"]
    assert os.listdir(root / "sub") == [".env"]
    restore(store, digest, root)
    assert sorted(os.listdir(root)) == [".ithaca", "f"]


def test_an_invalid_pattern_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / ".ithacaignore").write_text("!\n")
    with pytest.raises(UsageError, match="ITH413"):
        Ignore.read(tmp_path)
