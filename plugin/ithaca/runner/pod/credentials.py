"""The credentials of the store, which only the runner uses, not the cells.

Pods get them under other names (`ITHACA_REMOTE_AWS_ACCESS_KEY_ID`), so that kernels and other
processes of the runner do not inherit them as ordinary variables. They have their usual names only
while the store is opened.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "ITHACA_REMOTE_"
"""Prefix of each variable's usual name."""

_SHORTEST = 8
"""Characters; shorter values occur in texts by chance, so they are not masked."""
_SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|KEY$|CONNECTION_STRING|SIGNATURE")
_INNER = re.compile(r'(?:AccountKey=|SharedAccessSignature=|"private_key"\s*:\s*")([^;"]+)')
"""The secret in an Azure connection string, and in the file of a Google service account."""

_taken: dict[str, str] = {}


def take() -> None:
    """Remove the credentials from the environment that processes inherit."""
    for name in [each for each in os.environ if each.startswith(PREFIX)]:
        _taken[name.removeprefix(PREFIX)] = os.environ.pop(name)


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """Give the credentials their usual names inside the block."""
    before = {name: os.environ.get(name) for name in _taken}
    os.environ.update(_taken)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def secrets() -> tuple[str, ...]:
    """The values to mask in logs."""
    values = (value for name, value in _taken.items() if _SECRET.search(name))
    return tuple(each for value in values for each in _parts(value) if len(each) >= _SHORTEST)


def _parts(value: str) -> Iterator[str]:
    """A value and the secrets inside of it, line by line, since logs are masked by lines."""
    yield value
    for secret in _INNER.findall(value):
        yield from (line for line in secret.split("\\n") if not line.startswith("-----"))
