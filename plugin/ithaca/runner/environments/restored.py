"""Environments in pods: installed once by the preparing pod, restored by all others.

An environment has the same path in every image, and becomes a virtual environment of the pod's
interpreter. Paths in it that name the folder where it was made (first lines of scripts, editable
packages) are changed to this one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from ithaca.errors import NotFound, UsageError
from ithaca.runner import overlay
from ithaca.runner.environments import building, kept
from ithaca.runner.environments.kept import Kept, Platform
from ithaca.runner.environments.lock import Lock, find
from ithaca.store import Ignore, restore, take

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ithaca.runner.environment import Environment
    from ithaca.runner.environments.wanted import Wanted
    from ithaca.store import StatCache, Store

FOLDER = "environment"
"""The environment's folder, below the folder for files that are not the project's."""

_HEAD = 1024
"""Bytes at the start of a script that name its interpreter."""


class Place(NamedTuple):
    """Where environments are in a pod.

    Attributes:
        root: The project's root.
        work: Everything else of the attempt.
    """

    root: Path
    work: Path

    @property
    def environment(self) -> Path:
        """The virtual environment."""
        return self.work / FOLDER

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.environment / "bin" / "python")


def prepare(
    store: Store,
    wanted: Wanted,
    image: Environment,
    place: Place,
    source: str,
    say: Callable[[str], None],
) -> Kept:
    """Install a lock for the pod's interpreter and keep it, unless the store has it.

    Args:
        store: The store.
        wanted: The environment.
        image: The image's interpreter.
        place: Where to install it; the source is restored there, too.
        source: Digest of the source snapshot, which holds the lock.
        say: Called with messages about the progress.

    Raises:
        UsageError: The lock cannot be installed.
        BackendError: A package index did not respond.
        NotFound: The store has no such capture, or no source.
    """
    platform = Platform.of(image)
    known = kept.find(store, wanted, platform)
    if known is not None:
        say(f"{wanted} is already installed for {platform}")
        return known
    if wanted.kind == "capture":
        raise _missing(wanted, platform)
    restore(store, source, place.root)
    say(f"installing {wanted.path} for {platform}")
    lock = _lock(place.root, wanted)
    cache = place.work / "uv-cache"
    built, notices = building.build(
        lock, place.root, image, place.environment, cache=cache, say=say
    )
    digest = snapshot(store, built)
    found = Kept(
        snapshot=digest,
        platform=platform,
        identity=built.identity,
        prefix=str(place.environment),
        root=str(place.root),
        notices=notices,
    )
    store.share([digest])
    name = kept.lock_name(wanted.digest, platform)
    store.create(name, msgspec.json.encode(found))
    return kept.find(store, wanted, platform) or found


def snapshot(
    store: Store,
    environment: Environment,
    *,
    cache: StatCache | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> str:
    """Take the files of a virtual environment, without those of its interpreter.

    Args:
        store: The store.
        environment: The virtual environment.
        cache: Its files, as known from earlier.
        progress: Called with (files, bytes) as the work proceeds.
    """
    own = ["/pyvenv.cfg", "/.lock", "/.gitignore", "/CACHEDIR.TAG", "/bin/[Aa]ctivate*"]
    own += ["/bin/deactivate*", "/bin/pydoc.bat", "/lib64"]
    own += [f"/bin/{name}" for name in overlay.commands(environment)]
    folder, ignore = Path(environment.prefix), Ignore.only(own)
    return take(store, folder, ignore=ignore, cache=cache, progress=progress).digest


def choose(store: Store, wanted: Wanted, bases: Sequence[Environment]) -> tuple[Kept, Environment]:
    """Find an environment, and an interpreter that it works with.

    Args:
        store: The store.
        wanted: The environment.
        bases: The pod's interpreters; a lock was installed for the first.

    Raises:
        NotFound: The store has no such environment (ITH528).
        UsageError: It does not work with these interpreters (ITH529).
    """
    first = Platform.of(bases[0])
    found = kept.find(store, wanted, first)
    if found is None:
        raise _missing(wanted, first)
    for base in bases:
        if found.platform.runs_on(Platform.of(base)):
            return found, base
    raise UsageError(
        "ITH529",
        f"the environment was made for {found.platform}, but {bases[0].executable} of the image "
        f"is {first}",
        cure="choose an image with the same Python, or use `--environment lock`, which is "
        "installed for each image",
    )


def bring(store: Store, found: Kept, base: Environment, place: Place) -> None:
    """Restore an environment for an interpreter.

    Args:
        store: The store.
        found: The environment.
        base: The interpreter.
        place: Where to restore it.
    """
    target = place.environment
    restore(store, found.snapshot, target)
    overlay.write_skeleton(target, base)
    _move(target, base, [(found.prefix, str(target)), (found.root, str(place.root))])


def _lock(root: Path, wanted: Wanted) -> Lock:
    try:
        return find(root, wanted.path)
    except UsageError as error:
        raise UsageError(
            error.code,
            f"{wanted.path} is not among the files of the source: {error.message}",
            cure="remove the line of .ithacaignore that leaves it out",
        ) from None


def _missing(wanted: Wanted, platform: Platform) -> NotFound:
    what = "captured environment" if wanted.kind == "capture" else f"environment of {wanted.path}"
    return NotFound(
        "ITH528",
        f"the store has no {what} for {platform}",
        cure="start a new run, which builds it; for manifests: `ithaca compile NB --backend "
        "BACKEND --push`, and submit those",
    )


def _move(target: Path, environment: Environment, moved: Sequence[tuple[str, str]]) -> None:
    """Replace the paths of the folder where an environment was made by those of this one."""
    changes = [(old.encode(), new.encode()) for old, new in moved if old != new]
    if not changes:
        return
    for script in (target / "bin").iterdir():
        if script.is_file() and not script.is_symlink():
            _replace(script, changes, _HEAD)
    packages = target / environment.site_packages
    for file in [*packages.glob("*.pth"), *packages.glob("__editable__*")]:
        if file.is_file():
            _replace(file, changes, None)


def _replace(path: Path, changes: Sequence[tuple[bytes, bytes]], head: int | None) -> None:
    with path.open("rb") as file:
        if head is not None and file.read(2) != b"#!":
            return
    data = path.read_bytes()
    first, rest = (data, b"") if head is None else (data[:head], data[head:])
    for old, new in changes:
        first = first.replace(old, new)
    if first + rest != data:
        path.write_bytes(first + rest)
