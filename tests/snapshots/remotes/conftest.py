"""Remotes to try things on: a folder, and a real S3 server (versitygw) where Go can build one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ithaca.snapshots import Store
from ithaca.snapshots.remotes import Remote

SERVER = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
KEYS = {"AWS_ACCESS_KEY_ID": "ithaca", "AWS_SECRET_ACCESS_KEY": "ithaca-secret"}
SETTINGS = (
    *("AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_SESSION_TOKEN", "AWS_ALLOW_HTTP"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_WEB_IDENTITY_TOKEN_FILE"),
)


def server_program() -> Path:
    """The S3 server, built once for each machine."""
    found = shutil.which("versitygw")
    if found:
        return Path(found)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "ithaca-tests" / SERVER.rpartition("@")[2]
    program = folder / "versitygw"
    if program.exists():
        return program
    if not shutil.which("go"):
        pytest.skip("no S3 server: `versitygw` is not on the PATH, and Go is not here to build it")
    built = subprocess.run(
        ["go", "install", SERVER],
        env={**os.environ, "GOBIN": str(folder)},
        capture_output=True,
        text=True,
    )
    if built.returncode:
        pytest.skip(f"no S3 server: Go cannot build it: {built.stderr.strip().splitlines()[-1]}")
    return program


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running S3 server with a bucket `bucket`."""
    program = server_program()
    data = tmp_path_factory.mktemp("s3")
    (data / "files" / "bucket").mkdir(parents=True)
    (data / "sidecar").mkdir()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (data / "log").open("wb") as log:
        server = subprocess.Popen(
            [program, "--port", f"127.0.0.1:{port}", "--iam-dir", data, "posix",
             "--sidecar", data / "sidecar", data / "files"],
            env={"PATH": os.environ["PATH"], "ROOT_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"],
                 "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"]},
            stdout=log,
            stderr=log,
        )  # fmt: skip
        try:
            while server.poll() is None:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.05)
            else:
                pytest.skip(f"no S3 server: it ended: {(data / 'log').read_text()[-500:]}")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh place on the S3 server, with all that is needed to reach it in the environment."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    for name, text in {**KEYS, "AWS_ENDPOINT_URL": s3_server}.items():
        monkeypatch.setenv(name, text)
    return f"s3://bucket/tests/{uuid.uuid4().hex}"


@pytest.fixture(params=["file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh place for a remote, of each kind."""
    if request.param == "file":
        return f"file://{tmp_path}/remote"
    return str(request.getfixturevalue("s3"))


@pytest.fixture
def remote(url: str) -> Remote:
    return Remote.open(url, create=True)


@pytest.fixture
def other(tmp_path: Path) -> Callable[[], Store]:
    """Makes further empty stores."""
    return lambda: Store.open(tmp_path / uuid.uuid4().hex)
