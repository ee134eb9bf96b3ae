"""Submissions whose answer is lost, and watches that are refused: a server on loopback."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from argo_workflows import PLAIN, run, workflow

from ithaca.backends.kubernetes import ClusterSession, creating, following, watching
from ithaca.backends.kubernetes import session as module
from ithaca.errors import BackendError
from ithaca.model.run import PlannedStep
from ithaca.records import names
from ithaca.records.journal import Journal
from ithaca.store import LocalStore
from ithaca_argo import ArgoBackend
from ithaca_argo.engine import ArgoEngine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CUT = 0


class Scripted(ThreadingHTTPServer):
    """Answers with one status after the other, the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.script: list[int] = []
        self.made: set[str] = set()
        self.posts = 0


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Scripted

    def do_POST(self) -> None:
        self.server.posts += 1
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, name = self._next(), body["metadata"]["name"]
        if name in self.server.made:
            self._say(409, {"reason": "AlreadyExists", "message": "it is there"})
            return
        if status in (CUT, 201, 504):
            self.server.made.add(name)  # it was done, whoever hears of it
        if status != CUT:
            self._say(status, {"metadata": {"name": name}, "message": "no"})
        self.close_connection = True

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if name in self.server.made:
            self._say(200, {"metadata": {"name": name}})
        else:
            self._say(self._next(), {"message": "not you"})

    def _next(self) -> int:
        script = self.server.script
        return script.pop(0) if len(script) > 1 else script[0]

    def _say(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scripted]:
    monkeypatch.setattr(creating, "AGAIN", (0.01, 0.01))
    monkeypatch.setattr(following, "LOOK", 0.01)
    monkeypatch.setattr(module, "LOOK", 0.01)
    monkeypatch.setattr(watching, "_FIRST_PAUSE", 0.01)
    with Scripted() as found:
        (tmp_path / "config").write_text(
            f"""
clusters: [{{name: c, cluster: {{server: "http://127.0.0.1:{found.server_port}"}}}}]
contexts: [{{name: here, context: {{cluster: c}}}}]
current-context: here
"""
        )
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
        threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True).start()
        yield found
        found.shutdown()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    store = LocalStore.open(tmp_path / "store")
    digest = store.put(workflow().to_json().encode())
    plan = tuple(PlannedStep(step=step.name, action="run") for step in workflow().steps)
    document = msgspec.structs.replace(run(), workflow=digest, plan=plan)
    store.create(names.run(document.id), msgspec.json.encode(document))
    return Journal(store, document.id)


@pytest.fixture
def session(journal: Journal, server: Scripted) -> ClusterSession:
    return ClusterSession(ArgoEngine(ArgoBackend(PLAIN).read()), journal.store)


@pytest.mark.parametrize("first", [CUT, 504, 503, 429])
def test_a_submission_without_an_answer_is_repeated_and_makes_one_workflow(
    server: Scripted, session: ClusterSession, journal: Journal, first: int
) -> None:
    server.script = [first, 201]
    session.submit(journal.id)
    assert server.posts == 2
    assert len(server.made) == 1
    assert journal.ended() is None


def test_a_submission_that_never_gets_an_answer_leaves_the_run_without_an_end(
    server: Scripted, session: ClusterSession, journal: Journal
) -> None:
    server.script = [503]
    with pytest.raises(BackendError, match="Argo did not confirm the run") as caught:
        session.submit(journal.id)
    assert (caught.value.code, caught.value.exit_code) == ("ITH664", 4)
    assert f"ithaca runs show {journal.id}" in (caught.value.cure or "")
    assert journal.ended() is None


def test_a_clear_refusal_ends_the_run_at_once(
    server: Scripted, session: ClusterSession, journal: Journal
) -> None:
    server.script = [422]
    with pytest.raises(BackendError) as caught:
        session.submit(journal.id)
    assert (caught.value.code, server.posts) == ("ITH662", 1)
    assert (end := journal.ended()) is not None
    assert end.status == "failed"


def test_a_refusal_after_a_lost_answer_does_not_end_the_run(
    server: Scripted, session: ClusterSession, journal: Journal
) -> None:
    server.script = [503, 403]
    with pytest.raises(BackendError) as caught:
        session.submit(journal.id)
    assert caught.value.code == "ITH664"
    assert journal.ended() is None


@pytest.mark.parametrize("status", [401, 403])
def test_a_watch_that_is_always_refused_is_an_error_and_the_run_goes_on(
    server: Scripted, session: ClusterSession, journal: Journal, status: int
) -> None:
    server.script = [status]

    def watch() -> None:
        with session.follow(journal.id) as wait:
            while True:
                wait(0.01)

    with pytest.raises(BackendError, match="cannot watch the run any more") as caught:
        watch()
    assert (caught.value.code, caught.value.exit_code) == ("ITH665", 4)
    assert journal.ended() is None


def test_a_watch_that_was_refused_for_a_moment_goes_on(
    server: Scripted, session: ClusterSession, journal: Journal
) -> None:
    server.script = [403, 403, 401, 503, 403, 403, 500]
    with session.follow(journal.id) as wait:
        while len(server.script) > 1:
            wait(0.01)
