"""What a step's kernel can import in a pod: the image's own, or an environment that is restored."""

from __future__ import annotations

import contextlib
import os
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ithaca.errors import IthacaError, NotFound, UsageError
from ithaca.records import names
from ithaca.runner.environment import describe
from ithaca.runner.environments import restored, wanted
from ithaca.runner.environments.kept import Platform, Seen
from ithaca.runner.environments.restored import Place
from ithaca.runner.pod import document
from ithaca.runner.pod.options import HOME

if TYPE_CHECKING:
    from collections.abc import Callable

    from ithaca.runner.environment import Environment
    from ithaca.runner.pod.options import Options
    from ithaca.store import Store


@dataclass(frozen=True)
class Kernel:
    """What a kernel runs on.

    Attributes:
        python: Its interpreter; may have to be restored first.
        identity: Digest of what it can import, as the store has it; empty when nobody said.
        notices: What the user should know of it.
        restore: Puts it in place; None when it is there.
    """

    python: str
    identity: str = ""
    notices: tuple[str, ...] = ()
    restore: Callable[[], None] | None = None


def kernel(options: Options, store: Store) -> Kernel:
    """What the kernel of a step is to run on; nothing is restored yet.

    Args:
        options: The command line.
        store: The store.

    Raises:
        UsageError: There is no interpreter, or the environment does not work with it.
        NotFound: The store lacks the environment.
    """
    asked = wanted.parse(options.environment)
    if asked is None:
        python = _interpreter(options)
        with contextlib.suppress(IthacaError):  # the attempt itself says what is wrong
            _of_image(options, store, python)
        return Kernel(python)
    found, base = restored.choose(store, asked, bases(options, store))
    where = place(options)
    return Kernel(
        where.python,
        found.identity,
        # One step says it, not all of them.
        () if options.parents else found.notices,
        partial(restored.bring, store, found, base, where),
    )


def bases(options: Options, store: Store) -> list[Environment]:
    """The interpreters that an environment can be restored onto, the image's own first.

    Planners are told of that one, too. An image without Python has that of a copied Ithaca.

    Args:
        options: The command line.
        store: The store.

    Raises:
        UsageError: There is none that works.
    """
    brought = Path(HOME) / "bin" / "python"
    copied = [brought] if Path(sys.executable).is_relative_to(HOME) else []
    found: list[Environment] = []
    try:
        found.append(_of_image(options, store, _interpreter(options)))
    except UsageError:
        if not copied or options.python:
            raise
    return found + [describe(each, cache=_cache(store)) for each in copied]


def _of_image(options: Options, store: Store, python: str) -> Environment:
    image = describe(python, cache=_cache(store))
    _remember(options, store, image)
    return image


def _cache(store: Store) -> Path:
    return store.path.parent / "cache"


def place(options: Options) -> Place:
    """Where environments are in this pod."""
    return Place(Path(options.root), Path(options.work))


def _interpreter(options: Options) -> str:
    return document.interpreter(options.python, os.environ.get("PATH", ""), Path(HOME))


def _remember(options: Options, store: Store, image: Environment) -> None:
    """Tell planners what the image's interpreter is and what it can import: a hint."""
    if not options.image:
        return
    told = Seen(
        image=options.image,
        python=image.executable,
        identity=image.identity,
        platform=Platform.of(image),
    )
    data = msgspec.json.encode(told)
    name = names.environment(options.image, options.python)
    try:
        known = store.read(name)
    except NotFound:
        known = b""
    if known != data:
        store.overwrite(name, data)
