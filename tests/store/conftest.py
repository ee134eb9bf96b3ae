"""A store and a scratch folder, in memory if possible, because tests delete big trees."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ithaca.store import LocalStore, Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return LocalStore.open(tmp_path / "store")


@pytest.fixture
def memory() -> Iterator[Path]:
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="ithaca-test-", dir=base))
    yield folder
    for inner, _, _ in os.walk(folder):
        os.chmod(inner, 0o700)
    shutil.rmtree(folder)
