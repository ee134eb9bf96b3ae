"""Servers of object stores for tests, made once for each machine by the tools that are there."""

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
"""How the names of all settings of the providers begin."""


_ENVIRON = dict(os.environ)
"""As it was before any test changed it: there is one cache, not one for each test's home."""

_CACHE = Path(_ENVIRON.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ithaca-tests"


def from_go(package: str) -> Path:
    """A program that Go builds."""
    name = package.partition("@")[0].rpartition("/")[2]
    return _made(
        Path(f"{name}-{package.rpartition('@')[2]}", name),
        lambda folder: (["go", "install", package], {"GOBIN": str(folder)}),
    )


def from_npm(package: str, name: str) -> Path:
    """A program of a package for Node."""
    install = ["npm", "install", "--no-audit", "--no-fund", package, "--prefix"]
    return _made(
        Path(package.replace("@", "-"), "node_modules", ".bin", name),
        lambda folder: ([*install, str(folder)], {}),
    )


def _made(path: Path, make: Callable[[Path], tuple[list[str], dict[str, str]]]) -> Path:
    folder, program = _CACHE / path.parts[0], _CACHE / path
    found = shutil.which(path.name)
    if found:
        return Path(found)
    _CACHE.mkdir(parents=True, exist_ok=True)
    with Path(f"{folder}.lock").open("w") as lock:  # to build is minutes of all processors
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            command, env = make(folder)
            _run(path.name, command, env)
    return program


def _run(name: str, command: list[str], env: Mapping[str, str]) -> None:
    """Make a program; skips the test where that cannot be."""
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
def running(
    command: Sequence[str | Path], port: int, folder: Path, env: Mapping[str, str]
) -> Iterator[None]:
    """A server, from when it listens to the end of the block."""
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
