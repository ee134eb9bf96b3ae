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
    """A project on each of the cluster's engines."""
    yield from _project(request.param, tmp_path)


@pytest.fixture
def argo(tmp_path: Path) -> Iterator[ArgoPlace]:
    """A project on Argo."""
    yield from _project(ArgoPlace, tmp_path)


@pytest.fixture
def tekton(tmp_path: Path) -> Iterator[TektonPlace]:
    """A project on Tekton."""
    yield from _project(TektonPlace, tmp_path)


def _project(kind: type[Place], folder: Path) -> Iterator[Place]:
    if reason := kind.unavailable():
        pytest.skip(reason)
    with kind.reserved():
        yield kind(folder / f"p{uuid.uuid4().hex[:8]}")


@pytest.fixture
def outside() -> Iterator[Outside]:
    """A server that steps can reach."""
    with serve(ClusterPlace.host) as found:
        yield found
