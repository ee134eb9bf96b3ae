"""The credentials of the store, which the runner may use and cells may not.

A pod gets them as variables with a prefix (`ITHACA_REMOTE_AWS_ACCESS_KEY_ID`). The runner removes
them from the environment, so that no kernel or other process inherits them, and sets the usual
names only while it opens the store.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from ithaca.store.providers import is_secret, secret_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "ITHACA_REMOTE_"
"""Prefix of the usual name of each variable."""

_SHORTEST = 8
"""Shorter values are not masked: they also occur in logs by chance."""

_taken: dict[str, str] = {}


def take() -> None:
    """Remove the credentials from the environment that processes inherit."""
    for name in [each for each in os.environ if each.startswith(PREFIX)]:
        _taken[name.removeprefix(PREFIX)] = os.environ.pop(name)


@contextlib.contextmanager
def shown() -> Iterator[None]:
    """Set the credentials under their usual names within the block."""
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
    """The values that logs must not show."""
    values = (value for name, value in _taken.items() if is_secret(name))
    return tuple(each for value in values for each in secret_parts(value) if len(each) >= _SHORTEST)
