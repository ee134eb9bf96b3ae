"""The program without its start: a process that has imported Ithaca forks for each command.

Importing takes most of the time of a short command, and tests call hundreds of them. A command is
still a process of its own, with its own command line, folder, variables and streams; tests that
are about the start of the program, about signals or about terminals start the real one. The same
holds for runners, and for the supervisors that commands start here.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import importlib
import json
import os
import pkgutil
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

ROOMS = (
    *("ithaca.cli", "ithaca.runs", "ithaca.compiling", "ithaca.backends", "ithaca.store"),
    "ithaca.runner.pod",
)
LIBRARIES = ("ithaca_argo", "ithaca_tekton", "hera.workflows", "kubernetes.client", "obstore.store")
PROGRAMS = {
    "ithaca": ("ithaca.cli", ""),
    "ithaca.runner": ("ithaca.runner.__main__", "arguments"),
    "ithaca.backends.local.supervisor": ("ithaca.backends.local.supervisor", "arguments"),
}
"""What `python -m` starts: the module with `main`, and whether that takes the arguments."""

TITLE = 8192
"""Bytes for the command lines of children."""

ABOVE = 100
"""No descriptor that a child inherits has this number or a higher one."""


class WarmProgram:
    """The process that forks.

    Attributes:
        place: Path of its socket.
    """

    def __init__(self) -> None:
        self.place = str(Path(tempfile.mkdtemp(prefix="warm-"), "socket"))
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self.place)
            listening.listen(100)
            number = listening.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-P", __file__, self.place, str(number), " " * TITLE],
                stdin=subprocess.PIPE,
                pass_fds=(number,),
            )

    def call(
        self, program: str, arguments: Sequence[str], folder: Path | str, env: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Call a program, and wait for its end."""
        with tempfile.TemporaryDirectory(prefix="warm-") as place:
            out, err = Path(place, "out"), Path(place, "err")
            with out.open("wb") as first, err.open("wb") as second:
                streams = {1: first.fileno(), 2: second.fileno()}
                asked = ask(self.place, program, arguments, streams, folder=folder, env=env)
            with asked:
                code = int(asked.makefile().read())
            return subprocess.CompletedProcess(
                [*arguments],
                code,
                out.read_text(encoding="utf-8"),
                err.read_text(encoding="utf-8"),
            )


def ask(
    place: str,
    program: str,
    arguments: Sequence[str],
    files: Mapping[int, int],
    *,
    folder: Path | str,
    env: Mapping[str, str],
    session: bool = False,
) -> socket.socket:
    """Ask for a child with these descriptors; once it has ended, its exit code can be read."""
    request = {
        "program": program,
        "arguments": [*arguments],
        "files": [*files],
        "folder": str(folder),
        "env": dict(env),
        "session": session,
    }
    asked = socket.socket(socket.AF_UNIX)
    asked.connect(place)
    socket.send_fds(asked, [b"."], [*files.values()])
    asked.sendall(json.dumps(request).encode())
    asked.shutdown(socket.SHUT_WR)
    return asked


@cache
def _warm() -> WarmProgram:
    return WarmProgram()


_starting = threading.Lock()


def warm() -> WarmProgram:
    """The one process of this process of tests."""
    with _starting:
        return _warm()


def call(
    *arguments: str, folder: Path | str, env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Call the command line in a folder with these variables only, and wait for its end."""
    return warm().call("ithaca", arguments, folder, env)


def call_runner(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the runner, and wait for its end."""
    return warm().call("ithaca.runner", arguments, Path.cwd(), os.environ)


def warm_supervisors(place: Callable[[], str]) -> None:
    """Let this process start supervisors as children of the process at a place.

    The real start is that of commands that are started as programs.
    """
    if sys.platform == "linux":
        session = importlib.import_module("ithaca.backends.local.session")
        session.subprocess = SimpleNamespace(  # type: ignore[attr-defined]
            Popen=partial(_supervisor, place), DEVNULL=subprocess.DEVNULL
        )


def _supervisor(place: Callable[[], str], command: Sequence[str], **options: Any) -> None:
    assert [*command[:3]] == [sys.executable, "-P", "-m"]
    log, (held,) = options.pop("stdout"), options.pop("pass_fds")
    assert options == {"stdin": subprocess.DEVNULL, "stderr": log, "start_new_session": True}
    files = {1: log.fileno(), 2: log.fileno(), held: held}
    ask(
        place(), command[3], command[4:], files, folder=Path.cwd(), env=os.environ, session=True
    ).close()


def remember_environment() -> None:
    """Describe the interpreter of the tests once, as if all projects had its description.

    Like theirs, it holds until one of the folders with packages changes.
    """
    from ithaca.runner import environment

    ask_again = environment._ask
    known: dict[str, tuple[Any, Any]] = {}

    def described(executable: str) -> Any:
        if executable != sys.executable:
            return ask_again(executable)
        path = os.environ.get("PYTHONPATH", "")
        stamps, found = known.get(path, (None, None))
        if found is None or stamps != environment._stamps(executable, found.paths):
            found = ask_again(executable)
            known[path] = environment._stamps(executable, found.paths), found
        return found

    environment._ask = described


# -- the process


def _modules() -> Iterator[str]:
    for room in ROOMS:
        package = importlib.import_module(room)
        yield from (
            found.name
            for found in pkgutil.walk_packages(package.__path__, f"{room}.")
            if not found.name.endswith(".__main__")
        )
    yield from LIBRARIES
    yield from importlib.import_module("ithaca.backends.local.attempt")._IMPORTED


def serve(place: str, listening: socket.socket) -> None:
    """Fork for each request until the input ends."""
    for name in _modules():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    remember_environment()
    importlib.import_module("ithaca.runner.environment").describe(sys.executable)
    heard, wake = os.pipe()
    for each in (heard, wake):
        os.set_blocking(each, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    while True:
        ready = select.select([0, heard, listening], [], [])[0]
        if 0 in ready:
            shutil.rmtree(Path(place).parent, ignore_errors=True)
            return
        if heard in ready:
            os.read(heard, 4096)
            _answer(running)
        if listening in ready:
            asked = listening.accept()[0]
            files = socket.recv_fds(asked, 1, 9)[1]
            request = json.loads(asked.makefile().read())
            child = os.fork()
            if child == 0:
                _run(request, files, place)
            running[child] = asked
            for each in files:
                os.close(each)


def _answer(running: dict[int, socket.socket]) -> None:
    """Answer the requests for children that have ended."""
    with contextlib.suppress(ChildProcessError):
        while running:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            with running.pop(child) as asked, contextlib.suppress(OSError):
                asked.sendall(b"%d" % os.waitstatus_to_exitcode(status))


def _run(request: dict[str, Any], files: list[int], place: str) -> NoReturn:
    """Become the process of a request."""
    code: object = 1
    try:
        _settle(request, files)
        name, takes_arguments = PROGRAMS[request["program"]]
        warm_supervisors(lambda: place)
        main = importlib.import_module(name).main
        code = main(request["arguments"]) if takes_arguments else main()
    except SystemExit as leaving:
        code = leaving.code
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _settle(request: dict[str, Any], files: list[int]) -> None:
    """Take over descriptors, folder, variables and command line, as a new program has them."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    sources = [fcntl.fcntl(each, fcntl.F_DUPFD, ABOVE) for each in files]
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, source in zip(request["files"], sources, strict=True):
        os.dup2(source, number, inheritable=True)
    kept = sorted({0, 1, 2, *request["files"]})
    for low, high in zip(kept, [*kept[1:], os.sysconf("SC_OPEN_MAX")], strict=True):
        os.closerange(low + 1, high)
    if request["session"]:
        os.setsid()
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.path[:0] = [each for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    tempfile.tempdir = None
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    sys.argv = [request["program"], *request["arguments"]]
    _show([sys.executable, "-P", "-m", *sys.argv])


def _show(command: list[str]) -> None:
    """Show a command line in the list of processes, as `setproctitle` does."""
    if sys.platform != "linux":
        return
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    text = " ".join(command).encode()[: end - start - 2]
    ctypes.memset(start, 0, end - start)
    ctypes.memmove(start, text, len(text))
    ctypes.memset(end - 1, 1, 1)  # the mark of a title


if __name__ == "__main__":
    serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
