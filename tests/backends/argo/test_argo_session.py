"""What a session concludes from a Workflow and the store; what a cluster does is in `tests/e2e`."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import yaml
from argo_workflows import PLAIN, run, workflow

from ithaca.backends.kubernetes import Cluster, ClusterSession, Kind
from ithaca.backends.kubernetes import session as module
from ithaca.records import names
from ithaca.records.journal import Journal
from ithaca.records.model import AttemptEnd
from ithaca.snapshots import Store
from ithaca_argo import ArgoBackend
from ithaca_argo.engine import ArgoEngine
from ithaca_argo.settings import read


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    store = Store.open(tmp_path / "store")
    digest = store.put(workflow().to_json().encode())
    document = msgspec.structs.replace(run(), workflow=digest)
    store.create(names.run(document.id), msgspec.json.encode(document))
    return Journal(store, document.id)


@pytest.fixture
def session(journal: Journal) -> ClusterSession:
    found = ClusterSession(ArgoEngine(read(PLAIN)), journal.store)
    found._cluster = Cluster(None, "default")  # what Argo tells of pods is in the Workflow
    return found


def done(session: ClusterSession, journal: Journal, phase: str) -> None:
    """Let the session see a Workflow whose steps have ended."""
    found: dict[str, Any] = {"metadata": {"name": "w"}, "status": {"phase": phase}}
    session._seen[journal.id] = (float("inf"), found)


def write_ends(journal: Journal) -> None:
    for step in journal.workflow().steps:
        end = AttemptEnd(step=step.name, attempt=1, ended=time.time(), status="succeeded")
        journal.create(names.attempt(journal.id, step.name, 1, "end"), end)


def test_an_end_that_the_store_shows_a_moment_later_still_counts(
    session: ClusterSession, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(session, journal, "Succeeded")
    clock = SimpleNamespace(sleep=lambda _seconds: write_ends(journal), monotonic=time.monotonic)
    monkeypatch.setattr(module, "time", clock)
    assert session.alive(journal.id)
    assert (end := journal.ended()) is not None
    assert end.status == "succeeded"


def test_a_run_whose_last_pod_never_wrote_gets_its_end_after_a_moment(
    session: ClusterSession, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LATE", 0.0)
    done(session, journal, "Failed")
    assert session.alive(journal.id)
    assert (end := journal.ended()) is not None
    assert end.status == "failed"


def test_a_run_is_emitted_with_the_store_that_it_is_kept_on() -> None:
    document = msgspec.structs.replace(run(), store="s3://kept/here")
    text = ArgoBackend({**PLAIN, "store": "s3://settings/say"}).emit(workflow(), document)
    told = yaml.safe_load(text)["spec"]["arguments"]["parameters"]
    assert {each["name"]: each["value"] for each in told}["ithaca-store"] == "s3://kept/here"
    without = {name: value for name, value in PLAIN.items() if name != "store"}
    assert "s3://kept/here" in ArgoBackend(without).emit(workflow(), document)


def test_a_run_that_somebody_else_started_is_looked_for_where_its_pod_says_it_is(
    session: ClusterSession, journal: Journal
) -> None:
    asked: list[tuple[str, str]] = []

    class Seen:
        namespace = "elsewhere"

        def within(self, namespace: str) -> Seen:
            self.namespace = namespace
            return self

        def get(self, _kind: Kind, name: str) -> dict[str, Any]:
            asked.append((self.namespace, name))
            return {"metadata": {"name": name}, "status": {"phase": "Running"}}

    document = msgspec.structs.replace(
        journal.run(), id="01J00000000000000000000000", engine="argo/science/digits-x7k/3f0e"
    )
    journal.store.create(names.run(document.id), msgspec.json.encode(document))
    session._cluster = Seen()  # type: ignore[assignment]
    assert session.alive(document.id)
    assert asked == [("science", "digits-x7k")]
