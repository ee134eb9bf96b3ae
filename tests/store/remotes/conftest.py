"""Remotes for tests: a folder, and a real server for each provider.

The servers are versitygw (S3), Azurite (Azure) and fake-gcs-server (Google), where Go and npm can
make them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urlencode

import pytest
import servers
from xml_interface import TOKEN, xml_server

from ithaca.store import LocalStore, Store
from ithaca.store.remotes import Remote

SERVERS = {"s3", "az", "gs"}
"""Fixtures, and kinds of remotes, that need a server."""

KEYS = {"AWS_ACCESS_KEY_ID": "ithaca", "AWS_SECRET_ACCESS_KEY": "ithaca-secret"}
ACCOUNTS = {
    "ithaca": base64.b64encode(b"ithaca-secret").decode(),
    # The account and the public key of every Azure emulator.
    "devstoreaccount1": "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/"
    "KBHBeksoGMGw==",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests with a server as `network`, because they may download its program."""
    for item in items:
        if Path(__file__).parent in item.path.parents and isinstance(item, pytest.Function):
            params = item.callspec.params if hasattr(item, "callspec") else {}
            kinds = {params.get(name) for name in ("url", "cloud")}
            if SERVERS & {*item.fixturenames, *kinds}:
                item.add_marker(pytest.mark.network)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running S3 server with a bucket `bucket`."""
    program = servers.from_go(servers.VERSITYGW)
    data = tmp_path_factory.mktemp("s3")
    (data / "files" / "bucket").mkdir(parents=True)
    (data / "sidecar").mkdir()
    port = servers.free_port()
    command = [program, "--port", f"127.0.0.1:{port}", "--iam-dir", data, "posix",
               "--sidecar", data / "sidecar", data / "files"]  # fmt: skip
    env = {"ROOT_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"],
           "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"]}  # fmt: skip
    with servers.run_server(command, port, data, env):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="session")
def az_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running Azure server's account, with a container `bucket`."""
    program = servers.from_npm(servers.AZURITE, "azurite-blob")
    port = servers.free_port()
    command = [program, "--blobPort", str(port), "--inMemoryPersistence", "--disableTelemetry"]
    folder = tmp_path_factory.mktemp("az")
    env = {"AZURITE_ACCOUNTS": ";".join(":".join(each) for each in ACCOUNTS.items())}
    with servers.run_server(command, port, folder, env):
        for name, key in ACCOUNTS.items():
            make_container(f"http://127.0.0.1:{port}/{name}/bucket", name, key)
        yield f"http://127.0.0.1:{port}/ithaca"


def make_container(url: str, account: str, key: str) -> None:
    """Create a container by one request with a shared key, which `obstore` cannot do."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    lines = [*(f"{name}:{text}" for name, text in headers.items()), f"/{account}/{account}/bucket"]
    signed = "PUT" + "\n" * 12 + "\n".join([*lines, "restype:container"])
    headers["Authorization"] = f"SharedKey {account}:{signature(key, signed)}"
    request = urllib.request.Request(f"{url}?restype=container", method="PUT", headers=headers)
    urllib.request.urlopen(request).close()


def signature(key: str, text: str) -> str:
    mac = hmac.digest(base64.b64decode(key), text.encode(), hashlib.sha256)
    return base64.b64encode(mac).decode()


@pytest.fixture
def az_signature(az: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A signature that gives access to the container without a key."""
    fields = {"sp": "racwl", "se": "2099-01-01T00:00:00Z", "sv": "2020-12-06", "sr": "c"}
    place = "/blob/ithaca/bucket"
    lines = [
        fields["sp"],
        "",
        fields["se"],
        place,
        "",
        "",
        "",
        fields["sv"],
        fields["sr"],
        *[""] * 7,
    ]
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_KEY")
    return urlencode({**fields, "sig": signature(ACCOUNTS["ithaca"], "\n".join(lines))})


@pytest.fixture(scope="session")
def gs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running Google server with a bucket `bucket`."""
    program = servers.from_go(servers.FAKE_GCS)
    folder = tmp_path_factory.mktemp("gs")
    (folder / "data" / "bucket").mkdir(parents=True)
    port = servers.free_port()
    command = [program, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port),
               "-backend", "memory", "-data", folder / "data",
               "-public-host", f"127.0.0.1:{port}"]  # fmt: skip
    with servers.run_server(command, port, folder, {}), xml_server(port) as address:
        yield address


def place(monkeypatch: pytest.MonkeyPatch, scheme: str, settings: dict[str, str]) -> str:
    """A new place on a server; only these variables of its provider are set."""
    for name in os.environ:
        if name.startswith(servers.PROVIDERS):
            monkeypatch.delenv(name)
    for name, text in settings.items():
        monkeypatch.setenv(name, text)
    return f"{scheme}://bucket/tests/{uuid.uuid4().hex}"


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    return place(monkeypatch, "s3", {**KEYS, "AWS_ENDPOINT_URL": s3_server})


@pytest.fixture
def az(az_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    account = {
        "AZURE_STORAGE_ACCOUNT_NAME": "ithaca",
        "AZURE_STORAGE_ACCOUNT_KEY": ACCOUNTS["ithaca"],
    }
    return place(monkeypatch, "az", {**account, "AZURE_STORAGE_ENDPOINT": az_server})


@pytest.fixture
def gs(gs_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    return place(monkeypatch, "gs", {"GOOGLE_BASE_URL": gs_server, "GOOGLE_BEARER_TOKEN": TOKEN})


@pytest.fixture(params=["s3", "az", "gs"])
def cloud(request: pytest.FixtureRequest) -> str:
    """A new place on each kind of server."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture(params=["file", "s3", "az", "gs"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new place for each kind of remote."""
    if request.param == "file":
        return f"file://{tmp_path}/remote"
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def remote(url: str) -> Remote:
    return Remote.open(url, create=True)


@pytest.fixture
def other(tmp_path: Path) -> Callable[[], Store]:
    """Makes further empty stores."""
    return lambda: LocalStore.open(tmp_path / uuid.uuid4().hex)
