"""What a step's kernel can import in a pod: the image's packages, or a restored environment."""

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
    """The interpreter of a kernel.

    Attributes:
        python: Its path; `restore` may have to create it.
        identity: Digest of what it can import, from the store; empty when it is unknown.
        notices: Notices for the user.
        restore: Restores it; None for the image's own.
    """

    python: str
    identity: str = ""
    notices: tuple[str, ...] = ()
    restore: Callable[[], None] | None = None


def kernel(options: Options, store: Store) -> Kernel:
    """Choose the interpreter of a step's kernel; nothing is restored yet.

    Args:
        options: The command line.
        store: The store.

    Raises:
        UsageError: There is no interpreter, or the environment does not work with it.
        NotFound: The store has no such environment.
    """
    asked = wanted.parse(options.environment)
    if asked is None:
        python = interpreter(options)
        with contextlib.suppress(IthacaError):  # the attempt itself reports what is wrong
            _of_image(options, store, python)
        return Kernel(python)
    found, base = restored.choose(store, asked, bases(options, store))
    where = place(options)
    return Kernel(
        where.python,
        found.identity,
        # Only the first steps report them.
        () if options.parents else found.notices,
        partial(restored.bring, store, found, base, where),
    )


def bases(options: Options, store: Store) -> list[Environment]:
    """The interpreters that can run a restored environment, the image's own first.

    The image's own is recorded for planners. An image without Python has that of a copied Ithaca.

    Args:
        options: The command line.
        store: The store.

    Raises:
        UsageError: None of them works.
    """
    copy = Path(HOME) / "bin" / "python"
    copied = [copy] if Path(sys.executable).is_relative_to(HOME) else []
    found: list[Environment] = []
    try:
        found.append(_of_image(options, store, interpreter(options)))
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
    """The folders of environments in this pod."""
    return Place(Path(options.root), Path(options.work))


def interpreter(options: Options) -> str:
    """The kernel's interpreter in this pod."""
    return document.interpreter(options.python, os.environ.get("PATH", ""), Path(HOME))


def _remember(options: Options, store: Store, image: Environment) -> None:
    """Record the image's interpreter and what it can import, as a hint for planners."""
    if not options.image:
        return
    seen = Seen(
        image=options.image,
        python=image.executable,
        identity=image.identity,
        platform=Platform.of(image),
    )
    data = msgspec.json.encode(seen)
    name = names.environment(options.image, options.python)
    try:
        known = store.read(name)
    except NotFound:
        known = b""
    if known != data:
        store.overwrite(name, data)
