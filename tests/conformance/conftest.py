from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_place import LocalPlace
from matrix import FEATURES, Matrix

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
    """A project on each backend; other processes may test it at the same time."""
    kind: type[Place] = request.param
    if reason := kind.unavailable():
        pytest.skip(reason)
    with kind.reserved(alone="engine_alone" in request.fixturenames):
        yield kind(tmp_path / f"p{uuid.uuid4().hex[:8]}")


@pytest.fixture
def engine_alone() -> None:
    """No other test of the engine runs at the same time."""


@pytest.fixture
def outside(place: Place) -> Iterator[Outside]:
    """A server that steps can reach."""
    with serve(place.host) as found:
        yield found


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--features", type=Path, help="write the table of features into this page")


def pytest_configure(config: pytest.Config) -> None:
    page = config.getoption("--features", default=None)
    if page is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Matrix(page))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run tests that reserve an engine last."""
    for item in items:
        if (mark := item.get_closest_marker("shows")) is not None:
            assert set(mark.args) <= set(FEATURES), f"{item.name} shows an unknown feature"
            backend = item.callspec.params["place"].backend  # type: ignore[attr-defined]
            item.user_properties += [("shows", mark.args), ("backend", backend)]
    items.sort(key=lambda item: "engine_alone" in getattr(item, "fixturenames", ()))
