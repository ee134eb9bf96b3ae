"""Trees for tests: small ones as dicts, and random ones from hypothesis."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from hypothesis import strategies as st

from ithaca.store import Ignore, Store, take

Tree = dict[bytes, object]
"""Name to bytes (a file), ("x", bytes) (executable), ("link", bytes) or another tree (a folder)."""


def write(root: Path | bytes, tree: Tree) -> None:
    base = os.fsencode(root)
    os.makedirs(base, exist_ok=True)
    for name, what in tree.items():
        path = os.path.join(base, name)
        if isinstance(what, dict):
            write(path, what)
        elif isinstance(what, tuple) and what[0] == "link":
            os.symlink(what[1], path)
        else:
            data = what[1] if isinstance(what, tuple) else what
            with open(path, "wb") as file:
                file.write(data)
            os.chmod(path, 0o755 if isinstance(what, tuple) else 0o644)


def read(root: Path | bytes) -> Tree:
    base = os.fsencode(root)
    tree: Tree = {}
    for name in sorted(os.listdir(base)):
        path = os.path.join(base, name)
        status = os.lstat(path)
        if stat.S_ISDIR(status.st_mode):
            tree[name] = read(path)
        elif stat.S_ISLNK(status.st_mode):
            tree[name] = ("link", os.readlink(path))
        else:
            with open(path, "rb") as file:
                data = file.read()
            tree[name] = ("x", data) if status.st_mode & 0o100 else data
    return tree


def store_tree(store: Store, root: Path, tree: Tree) -> str:
    """Write a tree to a new folder and take it."""
    write(root, tree)
    return take(store, root, ignore=Ignore()).digest


_SPECIAL = (
    b".git", b".ithaca", b".ithaca-volume", b".ithacaignore", b"pyvenv.cfg", b"conda-meta",
)  # fmt: skip

names = st.one_of(
    st.sampled_from(
        [b"a", b"b", b"c", b"d", b"new\nline", b" ", b"\xff\xfe", "ü".encode(), b"-rf"]
    ),
    st.binary(min_size=1, max_size=6),
).filter(
    lambda name: name not in (b".", b"..", *_SPECIAL) and b"/" not in name and b"\0" not in name
)

targets = st.one_of(
    st.sampled_from([b"a", b"../../etc/passwd", b"/nowhere", b".", b"b/c"]),
    st.binary(min_size=1, max_size=20).filter(lambda target: b"\0" not in target),
)

files = st.one_of(st.binary(max_size=40), st.tuples(st.just("x"), st.binary(max_size=10)))

leaves = st.one_of(files, st.tuples(st.just("link"), targets))

trees: st.SearchStrategy[Tree] = st.recursive(
    st.dictionaries(names, leaves, max_size=4),
    lambda below: st.dictionaries(names, st.one_of(leaves, below), max_size=4),
    max_leaves=12,
)
