"""A watch lasts: against servers on loopback that forget versions, cut connections, or wait."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import tls_server

from ithaca.backends.kubernetes import Cluster, Kind, watching
from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAPS = Kind("", "v1", "ConfigMap", "configmaps")


class Scripted(ThreadingHTTPServer):
    """Gives its scripted answers one after the other, and records the requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.script: list[tuple[int, str]] = []
        self.asked: list[str] = []


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Scripted

    def do_GET(self) -> None:
        asked = {key: found[0] for key, found in parse_qs(urlsplit(self.path).query).items()}
        version = asked.get("resourceVersion")
        self.server.asked.append(f"watch from {version}" if "watch" in asked else "list")
        status, body = self.server.script.pop(0)
        self.send_response(status)
        # longer than what comes when the body says so: the connection is cut in the middle
        missing = 100 if body.endswith("…") else 0
        content = body.removesuffix("…").encode()
        self.send_header("Content-Length", str(len(content) + missing))
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    monkeypatch.setattr(watching, "_FIRST_PAUSE", 0.01)
    with Scripted() as found:
        threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True).start()
        yield found
        found.shutdown()


@pytest.fixture
def cluster(server: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    return connected(tmp_path, f"http://127.0.0.1:{server.server_port}")


def connected(folder: Path, server: str) -> Cluster:
    """The cluster of a kubeconfig that is written to the folder."""
    (folder / "config").write_text(
        f"""
clusters: [{{name: c, cluster: {{server: "{server}", certificate-authority: ca.crt}}}}]
contexts: [{{name: here, context: {{cluster: c}}}}]
current-context: here
"""
    )
    return Cluster.connect()


def listed(version: int, *items: int) -> tuple[int, str]:
    found = [{"metadata": {"name": "a", "resourceVersion": str(each)}} for each in items]
    return 200, json.dumps({"metadata": {"resourceVersion": str(version)}, "items": found})


def event(kind: str, version: int) -> str:
    found = {"metadata": {"name": "a", "resourceVersion": str(version)}}
    return json.dumps({"type": kind, "object": found}) + "\n"


GONE = json.dumps({"type": "ERROR", "object": {"code": 410, "reason": "Expired"}}) + "\n"
DELETED = (200, event("DELETED", 99))


def versions(cluster: Cluster) -> list[int]:
    found = cluster.watch(MAPS, name="a", stop=threading.Event())
    return [int(each["metadata"]["resourceVersion"]) for each in found]


@pytest.mark.parametrize("gone", [(410, "{}"), (200, GONE)], ids=["status", "event"])
def test_a_watch_lists_again_when_the_server_forgot_its_version(
    server: Scripted, cluster: Cluster, gone: tuple[int, str]
) -> None:
    server.script = [listed(5, 3), gone, listed(9, 8), DELETED]
    assert versions(cluster) == [3, 8]
    assert server.asked == ["list", "watch from 5", "list", "watch from 9"]


def test_a_watch_whose_connection_is_cut_goes_on_where_it_was(
    server: Scripted, cluster: Cluster
) -> None:
    half = event("MODIFIED", 7)[:20]
    server.script = [listed(5, 3), (200, event("MODIFIED", 6) + half + "…"), DELETED]
    assert versions(cluster) == [3, 6]
    assert server.asked == ["list", "watch from 5", "watch from 6"]


def test_a_bookmark_moves_the_place_to_go_on_from_and_is_not_shown(
    server: Scripted, cluster: Cluster
) -> None:
    server.script = [listed(5, 3), (200, event("BOOKMARK", 40)), DELETED]
    assert versions(cluster) == [3]
    assert server.asked == ["list", "watch from 5", "watch from 40"]


def test_a_watch_outlasts_the_failures_of_a_server(server: Scripted, cluster: Cluster) -> None:
    server.script = [(503, "no"), (200, "<html>"), listed(5, 3), (500, ""), DELETED]
    assert versions(cluster) == [3]


def test_a_watch_ends_when_the_object_went_while_it_was_disconnected(
    server: Scripted, cluster: Cluster
) -> None:
    server.script = [listed(5, 3), (200, GONE), listed(9)]
    assert versions(cluster) == [3]


def test_a_watch_of_many_says_when_a_list_is_complete_and_what_was_deleted(
    server: Scripted, cluster: Cluster
) -> None:
    stop = threading.Event()
    server.script = [listed(5, 3, 4), (200, event("MODIFIED", 6)), DELETED, listed(99)]
    seen = []
    for change, found in cluster.watch_all(MAPS, labels={"a": "b", "c": "d"}, stop=stop):
        seen.append((change, found.get("metadata", {}).get("resourceVersion")))
        if change == "deleted":
            stop.set()
    assert seen == [
        ("found", "3"),
        ("found", "4"),
        ("listed", None),
        ("changed", "6"),
        ("deleted", "99"),
    ]


def test_a_long_list_is_read_in_pages(server: Scripted, cluster: Cluster) -> None:
    first = json.loads(listed(5, 3)[1])
    first["metadata"] = {"continue": "more"}
    stop = threading.Event()
    server.script = [(200, json.dumps(first)), listed(5, 4)]
    seen = []
    for change, _ in cluster.watch_all(MAPS, labels={"a": "b"}, stop=stop):
        seen.append(change)
        if change == "listed":
            stop.set()
    assert seen == ["found", "found", "listed"]


class Waiting(tls_server.Answer):
    """Lists one object, then sends one event in a chunk of its own, and no more."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # noqa: N802
        if "watch=" not in self.path:
            self.say(json.loads(listed(5, 3)[1]))
            return
        line = event("MODIFIED", 6).encode()
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.rfile.read(1)  # until the client leaves


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_watch_yields_at_once_and_ends_while_it_waits_when_it_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with tls_server.serving(tmp_path, Waiting, plain=scheme == "http") as port:
        cluster = connected(tmp_path, f"{scheme}://127.0.0.1:{port}")
        stop, seen = threading.Event(), []
        for found in cluster.watch(MAPS, name="a", stop=stop):
            seen.append(found["metadata"]["resourceVersion"])
            if seen[-1] == "6":
                stop.set()
    assert seen == ["3", "6"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_denied_request_is_an_error_with_the_words_of_the_cluster(
    server: Scripted, cluster: Cluster, status: int
) -> None:
    server.script = [(status, json.dumps({"message": "User `x` cannot get configmaps"}))]
    with pytest.raises(BackendError, match="cannot get configmaps") as caught:
        cluster.get(MAPS, "a")
    assert caught.value.code == "ITH661"
