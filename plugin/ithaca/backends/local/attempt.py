"""One attempt of a step: a runner process and the pipe that ends it with its owner."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import msgspec

from ithaca.model.run import AttemptEnd, StepError
from ithaca.runner.failure import timed_out

if TYPE_CHECKING:
    from ithaca.backends.local.ledger import Held
    from ithaca.runner.task import Task

_IMPORTED = (
    "papermill.execute",
    "ithaca.runner.__main__",
    "ithaca.runner.cells",
    "jupyter_client.manager",
    "zmq.asyncio",
)
"""What every runner imports."""

TAIL = 2000
"""Characters that are kept of a dead runner's output."""


class Fork:
    """A child without a program of its own, as `subprocess.Popen` shows one that has one.

    Args:
        pid: Its process id.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._reap(os.WNOHANG)

    def wait(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._reap(0)

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def _reap(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


@dataclass
class Attempt:
    """A running runner.

    Attributes:
        task: What it runs.
        claim: What it uses of the machine.
        process: The runner.
        pipe: The supervisor's end of the pipe. The runner ends when it is closed, so also when the
            supervisor is killed.
        output: File with what the runner printed outside of the step's log.
        last: When it is killed at the latest, by the supervisor's clock; None for never.
        overdue: Whether it was killed because of `last`.
    """

    task: Task
    claim: Held
    process: subprocess.Popen[bytes] | Fork
    pipe: int
    output: Path
    last: float | None = None
    overdue: bool = False

    def has_ended(self) -> bool:
        """Whether the runner has ended."""
        if self.process.poll() is None:
            return False
        self._close()
        return True

    def ask_to_end(self) -> None:
        """Ask the runner to end its kernel and to write the attempt's end."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the runner and its process group; kernels end when their pipe closes."""
        self._close()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:  # it is gone, or does not lead its group yet
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def _close(self) -> None:
        if self.pipe >= 0:
            os.close(self.pipe)
            self.pipe = -1


def start(task: Task, claim: Held) -> Attempt:
    """Start a runner in a session of its own.

    Args:
        task: What to run; `owner_fd` is set here.
        claim: What the step uses of the machine; released when it cannot start.
    """
    folder = Path(task.work).parent
    folder.mkdir(parents=True, exist_ok=True)
    watched, ours = os.pipe()
    try:
        task = msgspec.structs.replace(task, owner_fd=watched)
        file = folder / f"task-{task.attempt}.json"
        file.write_bytes(msgspec.json.encode(task))
        log = folder / f"runner-{task.attempt}.log"
        with log.open("wb") as output:
            process = _start(file, output.fileno(), task.root, watched)
    except BaseException:
        os.close(ours)
        claim.release()
        raise
    finally:
        os.close(watched)
    return Attempt(task=task, claim=claim, process=process, pipe=ours, output=log)


def _start(file: Path, output: int, root: str, watched: int) -> subprocess.Popen[bytes] | Fork:
    """Start a process that runs a task.

    On Linux it is a fork, because importing takes most of the time of a short step. Elsewhere it
    is a new Python: libraries of macOS do not survive a fork.

    Args:
        file: The task.
        output: File for what it prints.
        root: Its working directory.
        watched: The pipe that tells it that its owner is gone.
    """
    if sys.platform != "linux":
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "ithaca.runner", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=root,
            pass_fds=(watched,),
            start_new_session=True,
        )
    for name in _IMPORTED:
        import_module(name)
    sys.stdout.flush()
    sys.stderr.flush()
    # The child must not answer a signal as its parent would.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            _run(file, output, root, watched)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return Fork(pid)


def _run(file: Path, output: int, root: str, watched: int) -> NoReturn:
    """Become the runner of a task."""
    code = 1
    try:
        os.setsid()
        os.chdir(root)
        signal.set_wakeup_fd(-1)
        for each in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            if callable(signal.getsignal(each)):
                signal.signal(each, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for number, source in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
            os.dup2(source, number)
        os.closerange(3, watched)
        os.closerange(watched + 1, os.sysconf("SC_OPEN_MAX"))
        code = import_module("ithaca.runner.__main__").main([str(file)])
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def end_of(attempt: Attempt, *, cancelled: bool, limit: float | None = None) -> AttemptEnd:
    """The end of an attempt whose runner did not write one.

    Args:
        attempt: The attempt; its process is gone.
        cancelled: Whether the run is being cancelled.
        limit: The step's `timeout`, seconds.
    """
    task = attempt.task
    end = partial(AttemptEnd, step=task.step, attempt=task.attempt, ended=time.time())
    if attempt.overdue:
        return end(status="timed_out", error=timed_out(None, limit or 0))
    if cancelled:
        return end(status="cancelled")
    code = attempt.process.wait() or 0
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
    return end(
        status="failed",
        infrastructure=True,
        error=StepError(
            code="ITH622",
            message=f"the step's runner {how} and left no result",
            cure="SIGKILL usually means that the machine ran out of memory: run fewer steps at "
            "once (`request:memory:…` on the steps, or `--parallel 1`); otherwise see "
            "`ithaca runs logs`",
            value=_tail(attempt.output),
        ),
    )


def _tail(output: Path) -> str:
    try:
        return output.read_text(errors="replace")[-TAIL:].strip()
    except OSError:
        return ""
