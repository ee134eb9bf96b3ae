from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from cluster_places import ArgoPlace, ClusterPlace, TektonPlace
from outside import Outside, serve

Place = TypeVar("Place", bound=ClusterPlace)


@pytest.fixture(params=[pytest.param(ArgoPlace, id="argo"), pytest.param(TektonPlace, id="tekton")])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ClusterPlace]:
    """A project whose runs one of the cluster's engines executes."""
    yield from _made(request.param, tmp_path)


@pytest.fixture
def argo(tmp_path: Path) -> Iterator[ArgoPlace]:
    """A project whose runs Argo executes."""
    yield from _made(ArgoPlace, tmp_path)


@pytest.fixture
def tekton(tmp_path: Path) -> Iterator[TektonPlace]:
    """A project whose runs Tekton executes."""
    yield from _made(TektonPlace, tmp_path)


def _made(kind: type[Place], folder: Path) -> Iterator[Place]:
    if reason := kind.absent():
        pytest.skip(reason)
    with kind.kept():
        yield kind(folder / f"p{uuid.uuid4().hex[:8]}")


@pytest.fixture
def outside() -> Iterator[Outside]:
    """What the steps reach outside of their run."""
    with serve(ClusterPlace.host) as found:
        yield found
