"""The program without its start: a process that has imported Ithaca forks for each command.

Importing takes most of the time of a short command, and tests call hundreds of them. A command is
still a process of its own, with its own folder, variables and streams; tests that are about the
start of the program, about signals or about terminals start the real one.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

ROOMS = ("ithaca.cli", "ithaca.runs", "ithaca.compiling", "ithaca.backends", "ithaca.store")
LIBRARIES = ("ithaca_argo", "ithaca_tekton", "hera.workflows", "kubernetes.client", "obstore.store")


class WarmProgram:
    """The process that forks."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(
        self, arguments: Sequence[str], folder: Path | str, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Call the command line, and wait for its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory(prefix="warm-") as place:
            out, err = Path(place, "out"), Path(place, "err")
            request = {
                "arguments": list(arguments),
                "folder": str(folder),
                "env": dict(env),
                "out": str(out),
                "err": str(err),
            }
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            return subprocess.CompletedProcess(
                [*arguments],
                code,
                out.read_text(encoding="utf-8"),
                err.read_text(encoding="utf-8"),
            )

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            self._process.communicate()


@cache
def _warm() -> WarmProgram:
    return WarmProgram()


def call(
    *arguments: str, folder: Path | str, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Call the command line in a folder with these variables only, and wait for its end."""
    try:
        return _warm().call(arguments, folder, env)
    except BaseException:
        _warm.cache_clear()  # its answer to this call would be taken for that to the next one
        raise


def _modules() -> Iterator[str]:
    for room in ROOMS:
        package = importlib.import_module(room)
        yield from (
            found.name
            for found in pkgutil.walk_packages(package.__path__, f"{room}.")
            if not found.name.endswith(".__main__")
        )
    yield from LIBRARIES


def serve() -> None:
    """Answer requests until the input ends."""
    for name in _modules():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _command(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _command(request: dict[str, Any]) -> None:
    """Become the command of a request."""
    from ithaca.cli import main

    code: object = 1
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["env"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    sys.argv = ["ithaca", *request["arguments"]]
    try:
        main()
    except SystemExit as leaving:
        code = leaving.code
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    serve()
