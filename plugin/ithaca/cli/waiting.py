"""What the program is about while it takes longer than people like to wait without a word."""

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

PATIENCE = 2.0
"""Seconds before the first word."""

AGAIN = 10.0
"""Seconds between two lines of the same, where lines cannot be written over."""

_CLEAR = "\r\x1b[K"


class Waiting:
    """Tells on stderr what is being done, once that takes long; at a terminal in one line.

    A thread of its own tells it, since what takes long may be somebody else's answer.

    Example:
        >>> with Waiting() as tell:
        ...     tell("reading the project's files", 3, 2048)  # nothing is shown so soon
    """

    def __init__(self) -> None:
        self._now = ("", 0, 0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def __call__(self, what: str, files: int = 0, amount: int = 0) -> None:
        """Say what is being done now, and of how many files and bytes it was done already."""
        self._now = (what, files, amount)

    def files(self, what: str) -> Callable[[int, int], None]:
        """The same for somebody who counts files and bytes only."""
        return lambda files, amount: self(what, files, amount)

    def _tell(self) -> None:
        if self._over.wait(PATIENCE):
            return
        at_terminal, said, last = sys.stderr.isatty(), "", 0.0
        while True:
            what, files, amount = self._now
            line = f"{what}: {files} files, {size(amount)} …" if files else f"{what} …"
            if at_terminal:
                width = shutil.get_terminal_size().columns - 1  # a second line would stay there
                click.echo(_CLEAR + line[:width], err=True, nl=False)
            elif what and (what != said or time.monotonic() - last > AGAIN):
                click.echo(line, err=True)
                said, last = what, time.monotonic()
            if self._over.wait(0.25):
                break
        if at_terminal:
            click.echo(_CLEAR, err=True, nl=False)
