"""Credentials from a command of the kubeconfig: a server on loopback, and a real one."""

from __future__ import annotations

import base64
import json
import os
import stat
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import tls_server
import yaml

from ithaca.backends.kubernetes import Cluster, Kind
from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAPS = Kind("", "v1", "ConfigMap", "configmaps")
VERSION = "client.authentication.k8s.io/v1"


class Doorkeeper(ThreadingHTTPServer):
    """Accepts requests with a valid token."""

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
    """A script that prints `token-1`, then `token-2`, … and records how it was called."""

    def __init__(self, folder: Path, server: str, *, version: str = VERSION) -> None:
        self.folder, self.path, self.version = folder, folder / "login", version
        self.cluster: dict[str, Any] = {"server": server}
        self.set()

    def set(self, **more: Any) -> None:
        """Write the kubeconfig, with more fields of `exec`."""
        user = {
            "exec": {
                "apiVersion": self.version,
                "command": "./login",  # relative to the kubeconfig
                "args": ["give"],
                "env": [{"name": "TOLD", "value": "by-the-kubeconfig"}],
                "interactiveMode": "IfAvailable",
                "installHint": "get it from the moon",
                **more,
            }
        }
        (self.folder / "config").write_text(
            yaml.safe_dump(
                {
                    "clusters": [{"name": "c", "cluster": self.cluster}],
                    "users": [{"name": "u", "user": user}],
                    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                    "current-context": "x",
                }
            )
        )

    def prints(self, status: dict[str, Any], *, version: str = "") -> None:
        printed = {
            "apiVersion": version or self.version,
            "kind": "ExecCredential",
            "status": status,
        }
        self.does(f"cat <<END\n{json.dumps(printed)}\nEND\n")

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


def test_the_command_runs_once_with_the_arguments_and_variables_of_the_kubeconfig(
    command: Command,
) -> None:
    cluster = Cluster.connect()
    assert [token(cluster), token(cluster)] == ["token-1", "token-1"]
    (asked,) = command.asked
    word, told, info = asked.split(" ", 2)
    assert (word, told) == ("give", "by-the-kubeconfig")
    found = json.loads(info)
    assert (found["apiVersion"], found["kind"]) == (VERSION, "ExecCredential")
    assert found["spec"] == {"interactive": False}


def test_the_command_gets_the_cluster_only_if_the_kubeconfig_provides_it(
    command: Command, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("an authority")
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "art"}}
    command.cluster |= {"certificate-authority": "ca.pem", "extensions": [extension]}
    command.set(provideClusterInfo=True)
    Cluster.connect()
    found = json.loads(command.asked[0].split(" ", 2)[2])["spec"]["cluster"]
    assert found == {
        "server": command.cluster["server"],
        "certificate-authority-data": base64.b64encode(b"an authority").decode(),
        "config": {"audience": "art"},
    }


@pytest.mark.parametrize(
    ("mode", "terminal", "interactive"),
    [("IfAvailable", True, True), ("IfAvailable", False, False), ("Never", True, False)],
)
def test_the_command_may_prompt_where_its_mode_and_the_terminal_allow_it(
    command: Command,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    terminal: bool,
    interactive: bool,
) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(terminal))
    command.set(interactiveMode=mode)
    Cluster.connect()
    assert json.loads(command.asked[0].split(" ", 2)[2])["spec"]["interactive"] is interactive


def test_a_command_that_must_prompt_needs_a_terminal(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(False))
    command.set(interactiveMode="Always")
    with pytest.raises(BackendError, match="standard input is not a terminal"):
        Cluster.connect()


class Stdin(NamedTuple):
    terminal: bool

    def isatty(self) -> bool:
        return self.terminal


def test_a_certificate_of_the_command_is_shown_to_the_server(
    command: Command, tmp_path: Path
) -> None:
    command.prints(
        {"clientCertificateData": tls_server.CLIENT, "clientKeyData": tls_server.CLIENT_KEY}
    )
    with tls_server.serving(tmp_path) as port:
        command.cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": "ca.crt"}
        command.set()
        assert Cluster.connect().read("/version") == {"name": "client", "token": None}


def test_what_a_command_prints_must_have_the_version_that_it_was_asked_for(
    command: Command,
) -> None:
    command.prints({"token": "token-1"}, version="client.authentication.k8s.io/v1beta1")
    with pytest.raises(BackendError, match="v1beta1 instead of") as caught:
        Cluster.connect()
    assert caught.value.code == "ITH668"


def test_a_rejected_token_is_renewed(command: Command, server: Doorkeeper) -> None:
    cluster = Cluster.connect()
    assert token(cluster) == "token-1"
    server.good = {"token-2"}
    assert token(cluster) == "token-2"


def test_a_token_is_renewed_before_it_expires(command: Command, server: Doorkeeper) -> None:
    soon = datetime.fromtimestamp(time.time() + 5, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    command.prints({"token": "token-$n", "expirationTimestamp": soon})
    server.good = {f"token-{number}" for number in range(9)}
    cluster = Cluster.connect()
    assert token(cluster) != token(cluster)


def test_the_last_token_is_kept_while_the_command_fails(
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
        ("echo no JSON", "not an ExecCredential"),
        (
            f'echo \'{{"apiVersion": "{VERSION}", "status": {{}}}}\'',
            "neither a token nor a certificate",
        ),
    ],
)
def test_a_command_without_credentials_is_an_error_that_quotes_it(
    command: Command, script: str, said: str
) -> None:
    command.does(script)
    with pytest.raises(BackendError, match=said) as caught:
        Cluster.connect()
    assert (caught.value.code, caught.value.exit_code) == ("ITH668", 4)


def test_a_missing_command_is_an_error_with_its_install_hint(command: Command) -> None:
    command.path.unlink()
    with pytest.raises(BackendError, match="get it from the moon"):
        Cluster.connect()


@pytest.mark.cluster
@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_real_api_server_accepts_the_token_of_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    named = os.environ.get("KUBECONFIG")
    if not named:
        pytest.skip("KUBECONFIG names no cluster")
    admin = Cluster.connect(namespace="default")
    try:
        path = "/api/v1/namespaces/default/serviceaccounts/default/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        given = admin._json("POST", path, body=request)["status"]
    except BackendError as error:
        pytest.skip(f"the cluster of KUBECONFIG makes no token: {error.message}")
    there = yaml.safe_load(Path(named).read_text())
    command = Command(tmp_path, "", version=f"client.authentication.k8s.io/{version}")
    cluster = dict(there["clusters"][0]["cluster"])
    if "certificate-authority" in cluster:
        authority = Path(named).parent / cluster["certificate-authority"]
        cluster["certificate-authority"] = str(authority)
    command.cluster = cluster
    command.set()
    status = {"token": given["token"], "expirationTimestamp": given["expirationTimestamp"]}
    command.prints(status)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    found = Cluster.connect(namespace="default")
    assert found.whoami()[0] == "system:serviceaccount:default:default"
    assert len(command.asked) == 1
