from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster_places import ArgoPlace
from outside import Outside, serve


@pytest.fixture
def argo(tmp_path: Path) -> Iterator[ArgoPlace]:
    """A project whose runs Argo executes."""
    if reason := ArgoPlace.absent():
        pytest.skip(reason)
    with ArgoPlace.kept(alone=False):
        yield ArgoPlace(tmp_path / f"p{uuid.uuid4().hex[:8]}")


@pytest.fixture
def outside(argo: ArgoPlace) -> Iterator[Outside]:
    """What the steps reach outside of their run."""
    with serve(argo.host) as found:
        yield found
