"""Which cluster is meant, and as whom to speak to it: kubeconfigs, pods, servers on loopback."""

from __future__ import annotations

import base64
import json
import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tls_server
import yaml

from ithaca.backends.kubernetes import Cluster, Kind, kubeconfig
from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAPS = Kind("", "v1", "ConfigMap", "configmaps")


class Mirror(ThreadingHTTPServer):
    """Accepts one token, and answers with the headers of the request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.good = ""
        self.url = f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Mirror

    def do_GET(self) -> None:
        accepted = self.headers.get("Authorization", "").endswith(self.server.good)
        content = json.dumps({"host": self.headers["Host"], "headers": self.headers.items()})
        self.send_response(200 if accepted else 401)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Mirror]:
    with Mirror() as found:
        threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True).start()
        yield found
        found.shutdown()


class Files:
    """Kubeconfigs in a folder; `KUBECONFIG` names them in the order in which they are written."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._monkeypatch = folder, monkeypatch
        self._paths: list[str] = []

    def write(self, name: str, **content: Any) -> Path:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(content))
        if str(path) not in self._paths:
            self._paths.append(str(path))
        self._monkeypatch.setenv("KUBECONFIG", os.pathsep.join(self._paths))
        return path


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    return Files(tmp_path, monkeypatch)


def cluster(server: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": "c", "cluster": {"server": server, **more}}]


def user(**told: Any) -> list[dict[str, Any]]:
    return [{"name": "u", "user": told}]


def context(name: str = "here", **more: str) -> list[dict[str, Any]]:
    return [{"name": name, "context": {"cluster": "c", **more}}]


def headers(**options: str) -> list[list[str]]:
    found = Cluster.connect(**options).read("/version")
    assert found is not None
    return list(found["headers"])


def token() -> str:
    return next(text for name, text in headers() if name.lower() == "authorization")


def test_several_kubeconfigs_are_one(server: Mirror, files: Files) -> None:
    files.write("a", clusters=cluster(server.url), users=user(token="a-token"))
    files.write("b", contexts=context(user="u", namespace="art"), **{"current-context": "here"})
    assert Cluster.connect().namespace == "art"
    assert token() == "Bearer a-token"


def test_the_first_kubeconfig_that_sets_something_wins(server: Mirror, files: Files) -> None:
    files.write(
        "a", clusters=cluster(server.url), contexts=context("one"), **{"current-context": "one"}
    )
    files.write(
        "b",
        clusters=cluster("http://127.0.0.1:1"),
        contexts=[*context("one", namespace="art"), *context("two")],
        **{"current-context": "two"},
    )
    found = Cluster.connect()
    assert (found.address, found.namespace) == (server.url, "default")


def test_a_kubeconfig_that_does_not_exist_is_skipped(
    server: Mirror, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.write(
        "b", clusters=cluster(server.url), contexts=context(), **{"current-context": "here"}
    )
    monkeypatch.setenv("KUBECONFIG", f"{path.parent / 'missing'}{os.pathsep}{path}")
    assert Cluster.connect().address == server.url


def test_a_path_is_relative_to_the_kubeconfig_that_it_is_in(files: Files, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    with tls_server.serving(one) as port:
        address = f"https://127.0.0.1:{port}"
        files.write("one/config", clusters=cluster(address, **{"certificate-authority": "ca.crt"}))
        files.write(
            "two/config",
            users=user(**{"client-certificate": "client.pem", "client-key": "client.pem"}),
            contexts=context(user="u"),
            **{"current-context": "here"},
        )
        (two / "client.pem").write_text(tls_server.CLIENT + tls_server.CLIENT_KEY)
        (two / "ca.crt").write_text("another")
        assert Cluster.connect().read("/version") == {"name": "client", "token": None}


def test_the_namespace_is_that_of_the_context_unless_one_is_named(files: Files) -> None:
    files.write(
        "a",
        clusters=cluster("http://127.0.0.1:1"),
        contexts=context(namespace="science"),
        **{"current-context": "here"},
    )
    assert Cluster.connect().namespace == "science"
    assert Cluster.connect(namespace="art").namespace == "art"


@pytest.mark.parametrize("text", [None, "", "a: [", "clusters: []", "clusters: 3", "- 1"])
def test_a_kubeconfig_without_a_cluster_is_an_error_with_a_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None
) -> None:
    if text is not None:
        (tmp_path / "config").write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with pytest.raises(BackendError) as caught:
        Cluster.connect()
    assert caught.value.code == "ITH663"
    assert caught.value.cure


def test_an_unknown_context_is_named(files: Files) -> None:
    files.write(
        "a",
        clusters=cluster("http://127.0.0.1:1"),
        contexts=context(),
        **{"current-context": "here"},
    )
    with pytest.raises(BackendError, match="elsewhere") as caught:
        Cluster.connect(context="elsewhere")
    assert caught.value.code == "ITH663"


def test_a_server_that_accepts_no_connection_is_named(files: Files) -> None:
    with socket.socket() as held:  # bound and not listening: nothing else gets the port
        held.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{held.getsockname()[1]}"
        files.write(
            "a", clusters=cluster(address), contexts=context(), **{"current-context": "here"}
        )
        with pytest.raises(BackendError) as caught:
            Cluster.connect().get(MAPS, "a")
    assert caught.value.code == "ITH660"
    assert address in str(caught.value)


def test_requests_act_as_the_user_that_the_kubeconfig_impersonates(
    server: Mirror, files: Files
) -> None:
    as_whom = {
        "as": "ann",
        "as-uid": "7",
        "as-groups": ["science", "art"],
        "as-user-extra": {"acme/team": ["a", "b"]},
    }
    files.write(
        "a",
        clusters=cluster(server.url),
        users=user(token="secret", **as_whom),
        contexts=context(user="u"),
        **{"current-context": "here"},
    )
    found = [(name, text) for name, text in headers() if name.startswith("Impersonate")]
    assert found == [
        ("Impersonate-User", "ann"),
        ("Impersonate-Uid", "7"),
        ("Impersonate-Group", "science"),
        ("Impersonate-Group", "art"),
        ("Impersonate-Extra-acme%2Fteam", "a"),
        ("Impersonate-Extra-acme%2Fteam", "b"),
    ]


@pytest.mark.parametrize("inline", [True, False])
def test_a_rejected_token_is_read_again(
    server: Mirror, files: Files, tmp_path: Path, inline: bool
) -> None:
    def sign_in(token: str, current: str) -> None:
        server.good = token
        (tmp_path / "token").write_text(token)
        files.write(
            "a",
            clusters=cluster(server.url),
            users=user(**({"token": token} if inline else {"tokenFile": "token"})),
            contexts=context(user="u"),
            **{"current-context": current},
        )

    sign_in("first", "here")
    found = Cluster.connect()
    assert found.read("/version")
    sign_in("second", "another")  # the context stays
    assert found.read("/version")


def test_a_proxy_that_is_not_a_url_is_an_error(files: Files) -> None:
    files.write(
        "a",
        clusters=cluster("http://kubernetes.invalid", **{"proxy-url": "gopher:nowhere"}),
        contexts=context(),
        **{"current-context": "here"},
    )
    with pytest.raises(BackendError, match="gopher") as caught:
        Cluster.connect()
    assert caught.value.code == "ITH663"


def test_the_proxy_of_a_cluster_is_used(server: Mirror, files: Files) -> None:
    files.write(
        "a",
        clusters=cluster("http://kubernetes.invalid", **{"proxy-url": server.url}),
        contexts=context(),
        **{"current-context": "here"},
    )
    found = Cluster.connect().read("/version")
    assert found is not None
    assert found["host"] == "kubernetes.invalid"


def jwt(**claims: Any) -> str:
    parts = [json.dumps(each).encode() for each in ({"alg": "none"}, claims)]
    return ".".join([*(base64.urlsafe_b64encode(each).decode().strip("=") for each in parts), "x"])


class Issuer(tls_server.Answer):
    """An OpenID provider that gives a new token for `refresh-1`."""

    token = jwt(exp=4_000_000_000, new=True)

    def do_GET(self) -> None:  # noqa: N802
        port = self.server.server_address[1]
        self.say({"token_endpoint": f"https://127.0.0.1:{port}/token"})

    def do_POST(self) -> None:  # noqa: N802
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        assert "refresh_token=refresh-1" in body
        tokens = {"id_token": self.token, "access_token": "a", "refresh_token": "refresh-2"}
        self.say({**tokens, "token_type": "Bearer"})


def oidc(port: int, token: str) -> dict[str, Any]:
    authority = base64.b64encode(tls_server.AUTHORITY.encode()).decode()
    config = {
        "client-id": "kubernetes",
        "client-secret": "secret",
        "id-token": token,
        "idp-certificate-authority-data": authority,
        "idp-issuer-url": f"https://127.0.0.1:{port}",
        "refresh-token": "refresh-1",
    }
    return {"auth-provider": {"name": "oidc", "config": config}}


def test_an_expired_openid_token_is_refreshed_and_kept(
    server: Mirror, files: Files, tmp_path: Path
) -> None:
    with tls_server.serving(tmp_path, Issuer) as port:
        path = files.write(
            "a",
            clusters=cluster(server.url),
            users=user(**oidc(port, jwt(exp=time.time() - 60))),
            contexts=context(user="u"),
            **{"current-context": "here"},
        )
        assert token() == f"Bearer {Issuer.token}"
    (written,) = yaml.safe_load(path.read_text())["users"]
    assert written["user"]["auth-provider"]["config"]["refresh-token"] == "refresh-2"


def test_a_pod_uses_its_service_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kubernetes.config import incluster_config

    for name in ("namespace", "token"):
        (tmp_path / name).write_text(f"pod-{name}")
    with tls_server.serving(tmp_path) as port:
        monkeypatch.delenv("KUBECONFIG", raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(port))
        monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
        monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
        monkeypatch.setattr(kubeconfig, "_POD_NAMESPACE", tmp_path / "namespace")
        found = Cluster.connect()
        assert found.namespace == "pod-namespace"
        assert found.read("/version") == {"name": None, "token": "bearer pod-token"}


def test_outside_of_a_cluster_without_a_kubeconfig_none_is_configured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(BackendError) as caught:
        Cluster.connect()
    assert caught.value.code == "ITH663"
