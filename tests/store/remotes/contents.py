"""Contents that tests send to remotes, and find there."""

from __future__ import annotations

import os

import pytest
from trees import Tree

from ithaca.store.remotes import Remote

two_kinds = pytest.mark.parametrize("url", ["file", "s3"], indirect=True)
"""For long tests that do not depend on the provider."""

LARGE = os.urandom(1 << 20) * 20 + b"end"
SMALL_TREE: Tree = {
    b"a.txt": b"hello\n",
    b"empty": {},
    b"link": ("link", b"a.txt"),
    b"odd\xff": ("x", b"#!/bin/sh\n"),
    b"below": {b"nothing": b"", b"same.txt": b"hello\n"},
}


def objects_of(remote: Remote, folder: str) -> list[str]:
    return sorted(one.name for one in remote.list(folder))
