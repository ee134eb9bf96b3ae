"""Servers of object stores for tests, built once per machine with the installed tools."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
FAKE_GCS = "github.com/fsouza/fake-gcs-server@v1.56.1"
AZURITE = "azurite@3.37.0"

PROVIDERS = ("AWS_", "AZURE_", "AZURITE_", "GOOGLE_", "STORAGE_EMULATOR_HOST")
"""The prefixes of the providers' variables."""


_ENVIRON = dict(os.environ)
"""The environment before any test changed it, so that all tests share one cache."""

_CACHE = Path(_ENVIRON.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ithaca-tests"


def from_go(package: str) -> Path:
    """Build a Go program."""
    name = package.partition("@")[0].rpartition("/")[2]
    return _built(
        Path(f"{name}-{package.rpartition('@')[2]}", name),
        lambda folder: (["go", "install", package], {"GOBIN": str(folder)}),
    )


def from_npm(package: str, name: str) -> Path:
    """Install a program of a Node package."""
    install = ["npm", "install", "--no-audit", "--no-fund", package, "--prefix"]
    return _built(
        Path(package.replace("@", "-"), "node_modules", ".bin", name),
        lambda folder: ([*install, str(folder)], {}),
    )


def _built(path: Path, make: Callable[[Path], tuple[list[str], dict[str, str]]]) -> Path:
    folder, program = _CACHE / path.parts[0], _CACHE / path
    found = shutil.which(path.name)
    if found:
        return Path(found)
    _CACHE.mkdir(parents=True, exist_ok=True)
    with Path(f"{folder}.lock").open("w") as lock:  # a build takes minutes on all processors
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            command, env = make(folder)
            _run(path.name, command, env)
    return program


def _run(name: str, command: list[str], env: Mapping[str, str]) -> None:
    """Build a program, or skip the test if that fails."""
    if not shutil.which(command[0]):
        pytest.skip(f"`{name}` is not on the PATH, nor {command[0]}, which makes it")
    made = subprocess.run(command, env={**_ENVIRON, **env}, capture_output=True, text=True)
    if made.returncode:
        why = made.stderr.strip().splitlines()[-1]
        pytest.skip(f"{command[0]} cannot make {name}: {why}")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def run_server(
    command: Sequence[str | Path], port: int, folder: Path, env: Mapping[str, str]
) -> Iterator[None]:
    """Run a server until the end of the block."""
    log = folder / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, cwd=folder, env={"PATH": os.environ["PATH"], **env}, stdout=out, stderr=out
        )
        try:
            while server.poll() is None:
                with contextlib.suppress(ConnectionRefusedError):
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                time.sleep(0.05)
            else:
                pytest.skip(f"{command[0]} ended: {log.read_text()[-500:]}")
            yield
        finally:
            server.terminate()
            server.wait()
