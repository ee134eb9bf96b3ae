"""What a step's kernel can import in a pod: the image's own, or an environment that is restored."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ithaca.errors import IthacaError, NotFound
from ithaca.records import names
from ithaca.runner.environment import describe
from ithaca.runner.environments import restored, wanted
from ithaca.runner.environments.kept import Platform, Seen
from ithaca.runner.environments.restored import Place
from ithaca.runner.pod import document
from ithaca.runner.pod.options import HOME

if TYPE_CHECKING:
    from ithaca.runner.environment import Environment
    from ithaca.runner.pod.options import Options
    from ithaca.snapshots import Store


def bring(options: Options, store: Store) -> tuple[str, tuple[str, ...]]:
    """The kernel's interpreter, with what it is to import in place.

    Args:
        options: The command line.
        store: The store.

    Returns:
        The interpreter, and notices.

    Raises:
        UsageError: There is no interpreter, or the environment does not work with it.
        NotFound: The store lacks the environment.
    """
    asked = wanted.parse(options.environment)
    if asked is None:
        python = _interpreter(options)
        with contextlib.suppress(IthacaError):  # the attempt itself says what is wrong
            of_image(options, store)
        return python, ()
    python, found = restored.bring(store, asked, of_image(options, store), place(options))
    # One step says it, not all of them.
    return python, () if options.parents else found.notices


def of_image(options: Options, store: Store) -> Environment:
    """The image's interpreter and what it can import; planners are told, too.

    Raises:
        UsageError: There is none that works.
    """
    image = describe(_interpreter(options), cache=store.path.parent / "cache")
    _remember(options, store, image)
    return image


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
