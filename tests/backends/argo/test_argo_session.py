"""What a session concludes from a Workflow and the store; what a cluster does is in `tests/e2e`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from argo_workflows import PLAIN, run, workflow

from cluster_workflows import text_of
from ithaca.backends.kubernetes import Cluster, ClusterSession, Kind
from ithaca.backends.kubernetes import session as session_module
from ithaca.backends.kubernetes import view as module
from ithaca.model.run import AttemptEnd
from ithaca.records import names
from ithaca.records.journal import Journal
from ithaca.store import LocalStore
from ithaca_argo import ArgoBackend
from ithaca_argo.engine import ArgoEngine
from ithaca_argo.names import tasks


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    store = LocalStore.open(tmp_path / "store")
    digest = store.put(workflow().to_json().encode())
    document = msgspec.structs.replace(run(), workflow=digest)
    store.create(names.run(document.id), msgspec.json.encode(document))
    return Journal(store, document.id)


@pytest.fixture
def session(journal: Journal) -> ClusterSession:
    found = ClusterSession(ArgoEngine(ArgoBackend(PLAIN).read()), journal.store)
    found._cluster = Cluster(None, "default")  # what Argo tells of pods is in the Workflow
    return found


def done(session: ClusterSession, journal: Journal, phase: str) -> None:
    """Let the session see a Workflow whose steps have ended."""
    found: dict[str, Any] = {"metadata": {"name": "w"}, "status": {"phase": phase}}
    view = session._view(journal.id)
    view.found, view.until = found, float("inf")


def write_ends(journal: Journal) -> None:
    for step in journal.workflow().steps:
        end = AttemptEnd(step=step.name, attempt=1, ended=time.time(), status="succeeded")
        journal.create(names.attempt(journal.id, step.name, 1, "end"), end)


def test_an_end_that_the_store_shows_a_moment_later_still_counts(
    session: ClusterSession, journal: Journal
) -> None:
    done(session, journal, "Succeeded")
    session.reconcile(journal.id)
    assert journal.ended() is None
    write_ends(journal)
    session.reconcile(journal.id)
    assert (end := journal.ended()) is not None
    assert end.status == "succeeded"


def test_a_run_whose_last_pod_never_wrote_gets_its_end_after_a_moment(
    session: ClusterSession, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LATE", 0.0)
    done(session, journal, "Failed")
    session.reconcile(journal.id)
    assert (end := journal.ended()) is not None
    assert end.status == "failed"


def test_a_run_whose_template_argo_had_not_seen_yet_is_lost_and_did_not_fail(
    session: ClusterSession, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LATE", 0.0)
    message = 'workflowtemplates.argoproj.io "nb-ab2bcd16" not found'
    view = session._view(journal.id)
    status = {"phase": "Error", "message": message}
    view.found, view.until = {"metadata": {"name": "w"}, "status": status}, float("inf")
    session.reconcile(journal.id)
    assert (end := journal.ended()) is not None
    assert (end.status, end.message) == ("lost", message)


def test_what_a_watch_has_shown_is_not_replaced_by_an_earlier_answer(
    session: ClusterSession, journal: Journal
) -> None:
    newer: dict[str, Any] = {"metadata": {"name": "w"}, "status": {"phase": "Error"}}
    view = session._view(journal.id)
    view.show(newer)
    view.keep({"metadata": {"name": "w"}}, 0.0)  # the answer of the request that created it
    assert (view.found, view.until) == (newer, float("inf"))


def test_a_run_that_ended_long_ago_needs_no_second_look(
    session: ClusterSession, journal: Journal
) -> None:
    done(session, journal, "Failed")
    found = session._view(journal.id).found
    assert found is not None
    found["status"]["finishedAt"] = "2026-01-01T00:00:00Z"
    assert names.run(journal.id, "end") in session.observe(journal.id).ends


def test_an_observer_sees_the_ends_that_a_reconciler_would_write_and_writes_none(
    session: ClusterSession, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LATE", 0.0)
    done(session, journal, "Failed")
    before = sorted(path for path in journal.store.path.rglob("*"))
    ends = session.observe(journal.id).ends
    assert sorted(path for path in journal.store.path.rglob("*")) == before
    session.reconcile(journal.id)
    assert ends.keys() == {names.run(journal.id, "end")}
    assert {name: msgspec.json.decode(journal.store.read(name))["status"] for name in ends} == {
        name: msgspec.json.decode(data)["status"] for name, data in ends.items()
    }


def test_a_run_is_emitted_with_the_store_that_holds_it() -> None:
    document = msgspec.structs.replace(run(), store="s3://kept/here")
    text = text_of(ArgoBackend({**PLAIN, "store": "s3://settings/say"}).emit(workflow(), document))
    told = yaml.safe_load(text)["spec"]["arguments"]["parameters"]
    assert {each["name"]: each["value"] for each in told}["ithaca-store"] == "s3://kept/here"
    without = {name: value for name, value in PLAIN.items() if name != "store"}
    assert "s3://kept/here" in text_of(ArgoBackend(without).emit(workflow(), document))


def test_a_run_started_by_the_engine_is_found_where_its_pod_recorded_it(
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
    assert session.observe(document.id).alive
    assert asked == [("science", "digits-x7k")]


def node(step: str, phase: str, message: str = "", number: int = 0) -> dict[str, Any]:
    """A pod's node as Argo keeps it."""
    return {
        "id": f"w-{step}{number}",
        "displayName": f"{step}({number})",
        "type": "Pod",
        "phase": phase,
        "message": message,
        "inputs": {"parameters": [{"name": "step", "value": step}]},
    }


def see(session: ClusterSession, journal: Journal, *nodes: dict[str, Any], **spec: Any) -> None:
    """Let the session see a Workflow that runs and has these nodes."""
    status = {"phase": "Running", "nodes": {each["id"]: each for each in nodes}}
    found: dict[str, Any] = {"metadata": {"name": "w"}, "spec": spec, "status": status}
    view = session._view(journal.id)
    view.found, view.until = found, float("inf")


def test_argos_message_about_a_pod_that_does_not_start_is_an_obstacle(
    session: ClusterSession, journal: Journal
) -> None:
    step = journal.workflow().steps[0].name
    see(session, journal, node(step, "Pending", 'ErrImagePull: failed to pull image "x"'))
    found = session.observe(journal.id).obstacles[step]
    assert (found.reason, found.message) == ("ErrImagePull", 'failed to pull image "x"')


def test_a_pod_without_a_message_of_argos_is_read_with_one_list_request(
    session: ClusterSession, journal: Journal
) -> None:
    asked: list[Any] = []
    step = journal.workflow().steps[0].name

    class Pods:
        namespace = "default"

        def within(self, _namespace: str) -> Pods:
            return self

        def list(self, kind: Kind, *, labels: dict[str, str]) -> tuple[list[Any], str]:
            asked.append((kind.kind, labels))
            state = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
            status = {"initContainerStatuses": [{"name": "ithaca", "state": state}]}
            label = tasks(each.name for each in journal.workflow().steps)[step]
            return [{"metadata": {"labels": {"ithaca/step": label}}, "status": status}], "1"

    session._cluster = Pods()  # type: ignore[assignment]
    see(session, journal, node(step, "Pending", "PodInitializing"))
    for _ in range(3):
        assert session.observe(journal.id).obstacles[step].message == "no such image"
    assert len(asked) == 1


def test_an_attempt_whose_pod_died_gets_its_end_from_a_reader(
    session: ClusterSession, journal: Journal
) -> None:
    step = journal.workflow().steps[0].name
    see(session, journal, node(step, "Failed", "main: OOMKilled (exit code 137)"))
    session.reconcile(journal.id)
    end = journal.attempt_end(step, 1)
    assert end is not None
    assert end.error is not None
    assert end.error.code == "ITH524"


def test_a_run_whose_workflow_was_stopped_in_argo_is_cancelled(
    session: ClusterSession, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LATE", 0.0)
    done(session, journal, "Failed")
    found = session._view(journal.id).found
    assert found is not None
    found["spec"] = {"shutdown": "Terminate"}
    session.reconcile(journal.id)
    assert (end := journal.ended()) is not None
    assert (end.status, end.message) == ("cancelled", "it was stopped in Argo")


def test_an_answer_waits_until_argo_asks(
    session: ClusterSession, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, passed = journal.workflow().steps[0].name, []
    seen: list[set[str]] = [set(), set(), {step}]
    monkeypatch.setattr(session_module, "LOOK", 0.0)
    monkeypatch.setattr(ArgoEngine, "gates", lambda _self, _found: seen.pop(0))
    monkeypatch.setattr(
        ArgoEngine, "answer", lambda _self, _cluster, _found, answers: passed.append(set(answers))
    )

    class Workflows:
        namespace = "default"

        def within(self, _namespace: str) -> Workflows:
            return self

        def get(self, _kind: Kind, _name: str) -> dict[str, Any]:
            return {"metadata": {"name": "w"}, "status": {"phase": "Running"}}

    session._cluster = Workflows()  # type: ignore[assignment]
    journal.ask("approve", step=step)
    session.wake(journal.id)
    assert passed == [{step}]
    assert seen == []
