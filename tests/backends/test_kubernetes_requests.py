"""What the API server is sent, and what becomes of its answers: a server on loopback."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import pytest

from ithaca.backends.kubernetes import Cluster, Conflict, Kind
from ithaca.backends.kubernetes.answers import Unanswered
from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAPS = Kind("", "v1", "ConfigMap", "configmaps")
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
PATH = "/api/v1/namespaces/art/configmaps"


class Request(NamedTuple):
    method: str
    path: str
    query: dict[str, str]
    content_type: str | None
    body: Any


class Recorder(ThreadingHTTPServer):
    """Records requests; answers with the scripted answers, the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.requests: list[Request] = []
        self.script: list[tuple[int, str]] = [(200, "{}")]


class Answer(BaseHTTPRequestHandler):
    server: Recorder

    def answer(self) -> None:
        address = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.requests.append(
            Request(
                self.command,
                address.path,
                dict(parse_qsl(address.query)),
                self.headers["Content-Type"],
                json.loads(body) if body else None,
            )
        )
        script = self.server.script
        status, content = script.pop(0) if len(script) > 1 else script[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content.encode())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Recorder]:
    with Recorder() as found:
        threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True).start()
        yield found
        found.shutdown()


@pytest.fixture
def cluster(server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    (tmp_path / "config").write_text(
        f"""
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:{server.server_port}/"}}}}]
contexts: [{{name: here, context: {{cluster: c, namespace: art}}}}]
current-context: here
"""
    )
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    return Cluster.connect()


def test_unknown_fields_are_an_error_when_an_object_is_created(
    server: Recorder, cluster: Cluster
) -> None:
    cluster.create(MAP)
    query = {"fieldValidation": "Strict"}
    assert server.requests == [Request("POST", PATH, query, "application/json", MAP)]


def test_an_object_is_created_in_the_namespace_that_it_names(
    server: Recorder, cluster: Cluster
) -> None:
    cluster.create({**MAP, "metadata": {"name": "a", "namespace": "science"}}, dry_run=True)
    assert server.requests[0].path == "/api/v1/namespaces/science/configmaps"
    assert server.requests[0].query["dryRun"] == "All"


def test_creating_an_object_that_exists_returns_it(server: Recorder, cluster: Cluster) -> None:
    server.script = [(409, '{"reason": "AlreadyExists"}'), (200, '{"data": {"a": "1"}}')]
    assert cluster.create(MAP) == {"data": {"a": "1"}}
    assert [(each.method, each.path) for each in server.requests[1:]] == [("GET", f"{PATH}/a")]


def test_an_object_is_applied_by_the_server(server: Recorder, cluster: Cluster) -> None:
    cluster.apply(MAP)
    query = {"fieldManager": "ithaca", "force": "true", "fieldValidation": "Strict"}
    assert server.requests == [
        Request("PATCH", f"{PATH}/a", query, "application/apply-patch+yaml", MAP)
    ]


def test_a_patch_is_merged(server: Recorder, cluster: Cluster) -> None:
    cluster.patch(MAPS, "a", {"data": {"b": None}})
    assert server.requests == [
        Request("PATCH", f"{PATH}/a", {}, "application/merge-patch+json", {"data": {"b": None}})
    ]


def test_a_deleted_object_may_be_gone_already(server: Recorder, cluster: Cluster) -> None:
    server.script = [(404, "{}")]
    cluster.delete(MAPS, "a", grace=0)
    assert server.requests == [
        Request("DELETE", f"{PATH}/a", {"gracePeriodSeconds": "0"}, None, None)
    ]


def test_a_conflict_is_told_from_other_refusals(server: Recorder, cluster: Cluster) -> None:
    server.script = [(409, "{}")]
    with pytest.raises(Conflict):
        cluster.replace(MAPS, MAP)


def test_a_list_is_selected_by_labels(server: Recorder, cluster: Cluster) -> None:
    server.script = [(200, '{"items": [{}], "metadata": {"resourceVersion": "7"}}')]
    assert cluster.list(MAPS, labels={"a": "1", "b/c": "2"}) == ([{}], "7")
    assert server.requests[0].query == {"labelSelector": "a=1,b/c=2"}


def test_logs_are_text(server: Recorder, cluster: Cluster) -> None:
    server.script = [(200, "one\ntwo\n")]
    assert cluster.pod_logs("p", "main") == "one\ntwo\n"
    assert server.requests[0].path == "/api/v1/namespaces/art/pods/p/log"
    assert server.requests[0].query == {"container": "main"}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_in_trouble_may_have_done_what_was_asked(
    server: Recorder, cluster: Cluster, status: int
) -> None:
    server.script = [(status, "<html>")]
    with pytest.raises(Unanswered, match="<html>") as caught:
        cluster.create(MAP)
    assert caught.value.code == "ITH662"


def test_a_refusal_says_why(server: Recorder, cluster: Cluster) -> None:
    server.script = [(422, '{"message": "unknown field \\"dtaa\\""}')]
    with pytest.raises(BackendError, match='unknown field "dtaa"') as caught:
        cluster.create(MAP)
    assert caught.value.code == "ITH662"
    assert not isinstance(caught.value, Unanswered)


@pytest.mark.parametrize("answer", [(200, "<html>"), (302, "")])
def test_a_page_instead_of_an_answer_is_an_error(
    server: Recorder, cluster: Cluster, answer: tuple[int, str]
) -> None:
    server.script = [answer]
    with pytest.raises(BackendError) as caught:
        cluster.read("/version")
    assert caught.value.code == "ITH662"
