"""Captures this virtual environment for pods with the same Python and platform.

What would not work in a pod is refused: packages outside of the environment, libraries that are not
Python's, editable packages whose code is not among the project's files.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import msgspec

from ithaca.errors import UsageError
from ithaca.runner.environments import restored
from ithaca.runner.environments.kept import Kept, Platform, version
from ithaca.runner.environments.wanted import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ithaca.runner.environment import Environment
    from ithaca.store import StatCache, Store

_MANYLINUX = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}
"""The oldest glibc of tags whose names do not contain it."""
_TAG = re.compile(r"^Tag: [^-\s]+-[^-\s]+-(\S+)$", re.MULTILINE)
_NEWER_NAME = re.compile(r"manylinux_(\d+)_(\d+)_")
_SHOWN = 5


def capture(
    store: Store,
    environment: Environment,
    root: Path,
    *,
    cache: StatCache | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Wanted:
    """Take a virtual environment, and share it through the store.

    Args:
        store: The store.
        environment: The virtual environment.
        root: The project's root.
        cache: Its files, as known from earlier.
        progress: Called with (files, bytes) as the work proceeds.

    Returns:
        The environment that pods restore.

    Raises:
        UsageError: It would not work in a pod (ITH672).
        StoreError: The store cannot be written or reached.
    """
    refuse(environment, root)
    digest = restored.snapshot(store, environment, cache=cache, progress=progress)
    here = Platform.of(environment)
    found = Kept(
        snapshot=digest,
        platform=msgspec.structs.replace(here, libc=_needed(environment)),
        identity=environment.identity,
        prefix=environment.prefix,
        root=str(root),
    )
    store.share([digest])
    return Wanted("capture", store.put(msgspec.json.encode(found, order="deterministic")))


def refuse(environment: Environment, root: Path) -> None:
    """Check that an environment would work in a pod.

    Args:
        environment: The environment.
        root: The project's root.

    Raises:
        UsageError: It would not; the cure is a lock.
    """
    reason = next(_reasons(environment, root.resolve()), None)
    if reason is not None:
        raise UsageError(
            "ITH672",
            f"the environment of {environment.executable} cannot be captured: {reason}",
            cure="list what the notebook imports in requirements.txt (`uv pip freeze` shows what "
            "is installed), and use `--environment lock`",
        )


def _reasons(environment: Environment, root: Path) -> Iterator[str]:
    prefix = Path(environment.prefix).resolve()
    if not environment.platform.startswith("linux"):
        yield f"its platform is {environment.platform}, and pods run Linux"
    if not environment.libc.startswith("glibc "):
        yield "its C library is not glibc"
    if (prefix / "conda-meta").is_dir():
        yield "it is a conda environment, which holds libraries that are not Python's"
    if environment.prefix == environment.base_prefix:
        yield "it is not a virtual environment, so its packages are mixed with the system's"
    outside = [path for path in _foreign(environment) if not path.is_relative_to(root)]
    if outside:
        shown = ", ".join(map(str, outside[:_SHOWN]))
        yield f"it imports from {shown}, which is outside of it and of the project"


def _foreign(environment: Environment) -> Iterator[Path]:
    """Folders of imports that belong neither to it nor to its interpreter."""
    prefix = Path(environment.prefix).resolve()
    minor = f"python{environment.version[0]}.{environment.version[1]}"
    own = [Path(environment.base_prefix).resolve() / lib / minor for lib in ("lib", "lib64")]
    packages = {Path(each).resolve() for each in environment.sites}
    for text in environment.paths:
        path = Path(text).resolve()
        standard = any(path.is_relative_to(each) for each in own) and path not in packages
        if not (path.is_relative_to(prefix) or standard):
            yield path
    for folder in packages:
        for file in folder.glob("*.dist-info/direct_url.json"):
            source = _editable(file)
            if source is not None:
                yield source


def _editable(file: Path) -> Path | None:
    """The source folder of an editable package; None for another package."""
    try:
        content: dict[str, Any] = json.loads(file.read_bytes())
        if not content.get("dir_info", {}).get("editable"):
            return None
        return Path(unquote(urlsplit(str(content["url"])).path)).resolve()
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def _needed(environment: Environment) -> str:
    """The oldest C library with which all compiled packages work, by the tags of their wheels."""
    wheels = [each for site in environment.sites for each in Path(site).glob("*.dist-info/WHEEL")]
    needed = [_oldest(each, environment.libc) for each in wheels]
    return max((each for each in needed if each), key=version, default="")


def _oldest(wheel: Path, here: str) -> str:
    """The oldest C library that one wheel works with; empty when it needs none."""
    try:
        tags = _TAG.findall(wheel.read_text("utf-8", "replace"))
    except OSError:
        return ""
    names = [name for tag in tags for name in tag.split(".")]
    if not names or "any" in names:
        return ""
    return min((_glibc(name, here) for name in names), key=version)


def _glibc(name: str, here: str) -> str:
    for old, oldest in _MANYLINUX.items():
        if name.startswith(f"{old}_"):
            return f"glibc {oldest}"
    found = _NEWER_NAME.match(name)
    return f"glibc {found[1]}.{found[2]}" if found else here  # compiled on this machine
