"""Credentials that a command of the kubeconfig gives: a server on loopback, and a real one."""

from __future__ import annotations

import json
import os
import stat
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from ithaca.backends.kubernetes import Cluster, Kind
from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAPS = Kind("", "v1", "ConfigMap", "configmaps")
VERSION = "client.authentication.k8s.io/v1"


class Doorkeeper(ThreadingHTTPServer):
    """Lets in who brings a token that counts."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.good = {"token-1"}


class Answer(BaseHTTPRequestHandler):
    server: Doorkeeper

    def do_GET(self) -> None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.send_response(200 if token in self.server.good else 401)
        content = json.dumps({"token": token}).encode()
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Doorkeeper]:
    with Doorkeeper() as found:
        threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True).start()
        yield found
        found.shutdown()


class Command:
    """A script that gives `token-1`, then `token-2`, … and keeps what it was told."""

    def __init__(self, folder: Path, server: str, *, version: str = VERSION) -> None:
        self.folder, self.path = folder, folder / "login"
        user = {
            "exec": {
                "apiVersion": version,
                "command": "./login",  # relative to the kubeconfig
                "args": ["give"],
                "env": [{"name": "TOLD", "value": "by-the-kubeconfig"}],
                "interactiveMode": "IfAvailable",
                "installHint": "get it from the moon",
            }
        }
        (folder / "config").write_text(
            yaml.safe_dump(
                {
                    "clusters": [{"name": "c", "cluster": {"server": server}}],
                    "users": [{"name": "u", "user": user}],
                    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                    "current-context": "x",
                }
            )
        )

    def prints(self, status: dict[str, Any]) -> None:
        told = {"apiVersion": VERSION, "kind": "ExecCredential", "status": status}
        self.does(f"cat <<END\n{json.dumps(told)}\nEND\n")

    def does(self, script: str) -> None:
        self.path.write_text(
            '#!/bin/sh\necho "$1 $TOLD $KUBERNETES_EXEC_INFO" >> ' + f"{self.folder}/asked\n"
            f"n=$(wc -l < {self.folder}/asked)\n" + script
        )
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)

    @property
    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines()


@pytest.fixture
def command(tmp_path: Path, server: Doorkeeper, monkeypatch: pytest.MonkeyPatch) -> Command:
    found = Command(tmp_path, f"http://127.0.0.1:{server.server_port}")
    found.prints({"token": "token-$n"})
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    return found


def token(cluster: Cluster) -> str:
    found = cluster.get(MAPS, "any")
    assert found is not None
    return str(found["token"])


def test_the_command_is_asked_once_and_told_of_the_cluster(
    command: Command, server: Doorkeeper
) -> None:
    cluster = Cluster.connect()
    assert [token(cluster), token(cluster)] == ["token-1", "token-1"]
    (asked,) = command.asked
    word, told, info = asked.split(" ", 2)
    assert (word, told) == ("give", "by-the-kubeconfig")
    found = json.loads(info)
    assert (found["apiVersion"], found["kind"]) == (VERSION, "ExecCredential")
    assert found["spec"]["cluster"]["server"] == f"http://127.0.0.1:{server.server_port}"
    assert found["spec"]["interactive"] is False


def test_a_token_that_is_refused_is_asked_for_again(command: Command, server: Doorkeeper) -> None:
    cluster = Cluster.connect()
    assert token(cluster) == "token-1"
    server.good = {"token-2"}
    assert token(cluster) == "token-2"


def test_a_token_that_expires_is_asked_for_again_before_it_is_refused(
    command: Command, server: Doorkeeper
) -> None:
    soon = datetime.fromtimestamp(time.time() + 5, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    command.prints({"token": "token-$n", "expirationTimestamp": soon})
    server.good = {f"token-{number}" for number in range(9)}
    cluster = Cluster.connect()
    assert token(cluster) != token(cluster)


def test_the_token_that_is_known_is_kept_while_the_command_fails(
    command: Command, server: Doorkeeper
) -> None:
    cluster = Cluster.connect()
    assert token(cluster) == "token-1"
    command.does("exit 3")
    server.good = set()
    with pytest.raises(BackendError) as caught:
        token(cluster)
    assert caught.value.code == "ITH661"
    server.good = {"token-1"}
    assert token(cluster) == "token-1"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'you are signed out' >&2; exit 1", "you are signed out"),
        ("echo no JSON", "no ExecCredential"),
        ("echo '{\"status\": {}}'", "neither a token nor a certificate"),
    ],
)
def test_a_command_that_gives_nothing_is_told_with_its_words(
    command: Command, script: str, said: str
) -> None:
    command.does(script)
    with pytest.raises(BackendError, match=said) as caught:
        Cluster.connect()
    assert (caught.value.code, caught.value.exit_code) == ("ITH668", 4)


def test_a_command_that_is_not_there_is_told_with_its_hint(command: Command) -> None:
    command.path.unlink()
    with pytest.raises(BackendError, match="get it from the moon"):
        Cluster.connect()


@pytest.mark.cluster
@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_real_api_server_takes_the_token_of_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    named = os.environ.get("KUBECONFIG")
    if not named:
        pytest.skip("KUBECONFIG names no cluster")
    admin = Cluster.connect(namespace="default")
    try:
        path = "/api/v1/namespaces/default/serviceaccounts/default/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        given = admin._json("POST", path, json=request)["status"]
    except BackendError as error:
        pytest.skip(f"the cluster of KUBECONFIG makes no token: {error.message}")
    there = yaml.safe_load(Path(named).read_text())
    command = Command(tmp_path, "", version=f"client.authentication.k8s.io/{version}")
    mine = yaml.safe_load((tmp_path / "config").read_text())
    cluster = dict(there["clusters"][0]["cluster"])
    if "certificate-authority" in cluster:
        authority = Path(named).parent / cluster["certificate-authority"]
        cluster["certificate-authority"] = str(authority)
    mine["clusters"] = [{"name": "c", "cluster": cluster}]
    (tmp_path / "config").write_text(yaml.safe_dump(mine))
    status = {"token": given["token"], "expirationTimestamp": given["expirationTimestamp"]}
    command.prints(status)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    found = Cluster.connect(namespace="default")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    who = found._json("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", json=review)
    assert who["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"
    assert len(command.asked) == 1
