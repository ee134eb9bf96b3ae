from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_place import LocalPlace

from cluster_places import ArgoPlace, TektonPlace
from outside import Outside, serve
from places import Place


@pytest.fixture(
    params=[
        pytest.param(LocalPlace, id="local", marks=pytest.mark.slow),
        pytest.param(ArgoPlace, id="argo", marks=[pytest.mark.slow, pytest.mark.cluster]),
        pytest.param(TektonPlace, id="tekton", marks=[pytest.mark.slow, pytest.mark.cluster]),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A project on each backend, beside the tests of other processes."""
    kind: type[Place] = request.param
    if reason := kind.absent():
        pytest.skip(reason)
    with kind.kept(alone="alone" in request.fixturenames):
        yield kind(tmp_path / f"p{uuid.uuid4().hex[:8]}")


@pytest.fixture
def alone() -> None:
    """For tests that stop what others need: none of them runs at the same time."""


@pytest.fixture
def outside(place: Place) -> Iterator[Outside]:
    """What the place's steps reach outside of their run."""
    with serve(place.host) as found:
        yield found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that nobody may run beside come last, so that nobody waits for them."""
    items.sort(key=lambda item: "alone" in getattr(item, "fixturenames", ()))
