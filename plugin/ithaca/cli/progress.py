"""Show on stderr what a command is doing while it takes long."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from typing import TYPE_CHECKING, Self

import click

from ithaca.cli.output import size

if TYPE_CHECKING:
    from collections.abc import Callable

DELAY = 2.0
"""Seconds before the first message."""

INTERVAL = 10.0
"""Seconds before the same message is repeated where lines cannot be overwritten."""

_CLEAR = "\r\x1b[K"


class ProgressLine:
    """Shows the current activity on stderr; on a terminal as one line that is overwritten.

    A thread prints it, since the main thread may be blocked.

    Example:
        >>> with ProgressLine() as report:
        ...     report("reading the project's files", 3, 2048)  # too quick to be shown
    """

    def __init__(self) -> None:
        self._now = ("", 0, 0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._print, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def __call__(self, what: str, files: int = 0, amount: int = 0) -> None:
        """Set the current activity, with the files and bytes that are done."""
        self._now = (what, files, amount)

    def files(self, what: str) -> Callable[[int, int], None]:
        """A function that sets the files and bytes of one activity."""
        return lambda files, amount: self(what, files, amount)

    def _print(self) -> None:
        if self._over.wait(DELAY):
            return
        at_terminal, printed, last = sys.stderr.isatty(), "", 0.0
        while True:
            what, files, amount = self._now
            line = f"{what}: {files} files, {size(amount)} …" if files else f"{what} …"
            if at_terminal:
                width = shutil.get_terminal_size().columns - 1  # a wrapped line cannot be cleared
                click.echo(_CLEAR + line[:width], err=True, nl=False)
            elif what and (what != printed or time.monotonic() - last > INTERVAL):
                click.echo(line, err=True)
                printed, last = what, time.monotonic()
            if self._over.wait(0.25):
                break
        if at_terminal:
            click.echo(_CLEAR, err=True, nl=False)
