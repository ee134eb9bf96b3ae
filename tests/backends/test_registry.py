from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from ithaca.backends import Backend, Session, available, backend, registry
from ithaca.errors import BackendError, UsageError
from ithaca.model.workflow import Source, Workflow


class Other(Backend):
    """A backend of somebody else."""

    name = "other"

    def check(self, workflow: Workflow, root: Path) -> tuple[str, ...]:
        """Everything may run."""
        return ()

    def session(self, home: Path) -> Session:
        raise NotImplementedError


class Old(Other):
    """One that was written for an older protocol."""

    protocol_version = 0


def install(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    found = {"other": EntryPoint("other", target, registry.GROUP)}
    monkeypatch.setattr(registry, "available", lambda: found)


def test_the_local_backend_is_found_by_its_entry_point() -> None:
    assert "local" in available()
    assert backend("local").name == "local"


def test_an_unknown_backend_is_refused_with_the_installed_ones() -> None:
    with pytest.raises(UsageError, match="unknown backend `nomad`") as caught:
        backend("nomad")
    assert "local" in caught.value.cure


def test_anybodys_backend_gets_its_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, f"{__name__}:Other")
    assert backend("other", {"a": 1}).settings == {"a": 1}


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (f"{__name__}:Old", "speaks protocol 0"),
        (f"{__name__}:install", "is not a backend"),
        ("a_package_that_is_not_there:Backend", "cannot load"),
    ],
)
def test_a_backend_that_cannot_be_used_says_why(
    monkeypatch: pytest.MonkeyPatch, target: str, said: str
) -> None:
    install(monkeypatch, target)
    with pytest.raises(BackendError, match=said):
        backend("other")


def test_a_backend_without_manifests_says_so() -> None:
    workflow = Workflow(name="w", source=Source(notebook="n.ipynb", digest="d"))
    with pytest.raises(UsageError, match="has no manifests"):
        backend("local").emit(workflow)
