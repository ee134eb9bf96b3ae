"""The check of a pod for `ithaca doctor`: its Ithaca, its store, its kernel."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec

from ithaca.errors import IthacaError
from ithaca.runner.environment import check_usable, describe
from ithaca.runner.pod import credentials
from ithaca.runner.pod.environment import interpreter
from ithaca.runner.pod.image import authorities
from ithaca.runner.pod.options import Options, required
from ithaca.runner.pod.output import say

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 400
"""Characters of a message: engines pass on only short ones."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one check.

    Attributes:
        found: What was found; empty when something is wrong.
        wrong: What is wrong.
        cure: What to do about it.
    """

    found: str = ""
    wrong: str = ""
    cure: str = ""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The report of a pod, as one JSON object.

    Attributes:
        ithaca: Its version.
        store: The store, as the pod sees it.
        kernel: The interpreter of kernels.
    """

    ithaca: str
    store: Seen
    kernel: Seen


def report(options: Options) -> int:
    """Print the report, and leave it where the engine finds it; writes nothing else.

    Args:
        options: The command line.

    Returns:
        The exit code: 0 when everything works, else 1.
    """
    required(options, "store")
    found = Report(
        ithaca=version("ithaca"),
        store=_seen(lambda: _store(options)),
        kernel=_seen(lambda: _kernel(options)),
    )
    text = msgspec.json.encode(found).decode()
    print(text)  # noqa: T201
    say(options, text)
    return 1 if found.store.wrong or found.kernel.wrong else 0


def _seen(look: Callable[[], str]) -> Seen:
    try:
        return Seen(found=look())
    except IthacaError as error:
        return Seen(wrong=error.message[:_MOST], cure=error.cure[:_MOST])


def _store(options: Options) -> str:
    from ithaca.store.remotes import Remote

    with authorities(), credentials.shown():
        there = Remote.probe(options.store)
    return options.store if there else f"{options.store}, where the first run makes a store"


def _kernel(options: Options) -> str:
    python = interpreter(options)
    environment = describe(python)
    check_usable(environment)
    name = ".".join(map(str, environment.version))
    return f"{python}: Python {name}, ipykernel {environment.ipykernel}"
