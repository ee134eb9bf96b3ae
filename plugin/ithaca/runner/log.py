"""A step's log: numbered chunks in the store, with secrets masked."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from ithaca.errors import StoreError
from ithaca.records import names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ithaca.store import Store

CHUNK = 1 << 20
LIMIT = 64 << 20
_FIRST, _LAST = 1.0, 10.0
"""Seconds between chunks: few at first, for people who follow the log, then more."""


def mask(text: str, secrets: Iterable[str]) -> str:
    """Text with the values of secrets replaced by `***`."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


class StepLog:
    """Appends to the log of one attempt.

    Args:
        store: Where its chunks go.
        run: Id of the run.
        step: Name of the step.
        attempt: Number of the attempt.
        secrets: Values that are masked.
    """

    def __init__(
        self, store: Store, run: str, step: str, attempt: int, secrets: tuple[str, ...] = ()
    ) -> None:
        self._store, self._run, self._step, self._attempt = store, run, step, attempt
        # The longest first: one secret may be part of another.
        self.secrets = tuple(sorted(filter(None, secrets), key=len, reverse=True))
        self._waiting: list[str] = []
        self._size = self._written = self._chunk = 0
        self._started = self._flushed = time.monotonic()

    def write(self, text: str, *, always: bool = False) -> None:
        """Add text.

        Args:
            text: Without terminal colours.
            always: Keep it even when the log is full.
        """
        if not text or (self._written > LIMIT and not always):
            return
        room = LIMIT - self._written
        self._written += len(text)
        if 0 <= room < len(text) and not always:
            note = f"\n[ithaca: the log is limited to {LIMIT >> 20} MiB; the rest is left out]\n"
            text = text[:room] + note
        self._waiting.append(text)
        self._size += len(text)
        if self._size >= CHUNK:
            self.flush()

    def tick(self) -> None:
        """Write text that has waited long enough; to be called regularly."""
        now = time.monotonic()
        pause = min(_LAST, max(_FIRST, (now - self._started) / 60))
        if self._waiting and now - self._flushed >= pause:
            self.flush()

    def flush(self, *, final: bool = False) -> None:
        """Write the text that waits.

        Args:
            final: Also write the last characters, even if they may be the start of a secret.
        """
        text = "".join(self._waiting)
        cut = len(text) if final else self._cut(text)
        now, later = mask(text[:cut], self.secrets), text[cut:]
        self._waiting, self._size = [later] if later else [], len(later)
        self._flushed = time.monotonic()
        if not now:
            return
        data = now.encode("utf-8", "replace")
        while not self._store.create(
            names.log(self._run, self._step, self._attempt, self._chunk), data
        ):
            self._chunk += 1
        self._chunk += 1

    def close(self) -> None:
        """Write the rest; a store that fails does not change how the step ended."""
        with contextlib.suppress(StoreError):
            self.flush(final=True)

    def _cut(self, text: str) -> int:
        """Where the text can be cut: not in a secret, nor in what may be the start of one."""
        cut = len(text) - max(
            (
                length
                for secret in self.secrets
                for length in range(1, min(len(secret), len(text) + 1))
                if text.endswith(secret[:length])
            ),
            default=0,
        )
        for secret in self.secrets:
            start = text.find(secret, max(0, cut - len(secret) + 1))
            if 0 <= start < cut:
                cut = start
        return cut
