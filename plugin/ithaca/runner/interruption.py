"""What ends an attempt from outside: cancelling, its time limit, the death of its owner."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

Reason = Literal["cancelled", "timed_out"]
GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL for what a step started."""


class Interrupted(BaseException):
    """The attempt must end now; not an `Exception`, so that no handler catches it."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


class Interruption:
    """Ends the attempt on SIGTERM and SIGINT (cancel), SIGALRM (time limit) and an owner's death.

    While a kernel runs, its process group is ended, which the engine sees; otherwise `Interrupted`
    is raised in the main thread, which is safe because every write to the store survives it.

    Args:
        timeout: The attempt's time limit in seconds.
        owner_fd: Read end of a pipe whose other end the owner holds. When it closes, nothing more
            is written: another owner may already have taken over.
    """

    def __init__(self, *, timeout: float | None = None, owner_fd: int | None = None) -> None:
        self.reason: Reason | None = None
        self._group: int | None = None
        self._held = 0
        self._timeout = timeout
        self._owner_fd = owner_fd

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Handle signals until the end of the block; only in the main thread."""
        if self._owner_fd is not None:
            os.set_inheritable(self._owner_fd, False)
            threading.Thread(target=self._watch_owner, daemon=True, name="owner").start()
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGALRM)
        before = [signal.signal(number, self._on_signal) for number in numbers]
        if self._timeout is not None:
            signal.setitimer(signal.ITIMER_REAL, max(self._timeout, 0.001))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Raise nothing inside the block; raise at its end if a signal came meanwhile."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        self.check()

    @contextlib.contextmanager
    def running(self, group: int) -> Iterator[None]:
        """Signals end a kernel's process group inside the block, instead of raising."""
        self._group = group
        try:
            if self.reason is not None:
                self._end_group()
            yield
        finally:
            self._group = None

    def check(self) -> None:
        """Raise `Interrupted` when a signal came, unless it is held."""
        if self.reason is not None and not self._held:
            raise Interrupted(self.reason)

    def close(self) -> None:
        """The attempt has ended: raise nothing more."""
        self._held += 1

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self.reason is None:
            self.reason = "timed_out" if number == signal.SIGALRM else "cancelled"
        if self._group is not None:
            self._end_group()
        else:
            self.check()

    def _end_group(self) -> None:
        group = self._group
        if group is None:
            return

        def kill() -> None:
            if self._group == group:
                with contextlib.suppress(OSError):
                    os.killpg(group, signal.SIGKILL)

        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGTERM)
        timer = threading.Timer(GRACE, kill)
        timer.daemon = True
        timer.start()

    def _watch_owner(self) -> None:
        assert self._owner_fd is not None
        with contextlib.suppress(OSError):
            while os.read(self._owner_fd, 1):
                pass
        # The kernel's death watch sees that this process ended, and ends the kernel's group.
        os._exit(1)
