"""The credentials of the store, which are the runner's and no cell's.

Pods get them under names of their own (`ITHACA_REMOTE_AWS_ACCESS_KEY_ID`), so that no kernel, and
nothing else that the runner starts, comes by them as an ordinary variable. They have their usual
names only while the store is opened.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "ITHACA_REMOTE_"
"""What stands before the usual name of each variable."""

_SHORTEST = 8
"""Letters of a value that is masked; shorter ones stand in texts by chance."""
_SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|KEY$|CONNECTION_STRING|SIGNATURE")
_INNER = re.compile(r'(?:AccountKey=|SharedAccessSignature=|"private_key"\s*:\s*")([^;"]+)')
"""The secret in a connection string of Azure, and in the file of an account of Google."""

_taken: dict[str, str] = {}


def take() -> None:
    """Take the credentials out of the environment that processes inherit."""
    for name in [each for each in os.environ if each.startswith(PREFIX)]:
        _taken[name.removeprefix(PREFIX)] = os.environ.pop(name)


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """Let the credentials have their usual names, for the time of the block."""
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
    """The values that no log may show."""
    told = (value for name, value in _taken.items() if _SECRET.search(name))
    return tuple(each for value in told for each in _parts(value) if len(each) >= _SHORTEST)


def _parts(value: str) -> Iterator[str]:
    """A value and what stands in it, each line of a key by itself: logs are read by lines."""
    yield value
    for secret in _INNER.findall(value):
        yield from (line for line in secret.split("\\n") if not line.startswith("-----"))
