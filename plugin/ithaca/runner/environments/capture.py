"""The virtual environment that is there, taken as it is for pods of the same Python and platform.

What would not work elsewhere is refused: packages that lie outside of it, libraries that are not
Python's, code of editable packages that is not among the project's files.
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
"""The oldest glibc of the names that do not say it."""
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
    """Take a virtual environment and make it reachable for all who share the store.

    Args:
        store: Where to.
        environment: The virtual environment.
        root: The project's root.
        cache: What is known of its files.
        progress: Told of the files and bytes done so far.

    Returns:
        What pods restore.

    Raises:
        UsageError: It would not work elsewhere (ITH672).
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
    """Refuse what would not work in a pod.

    Args:
        environment: The environment.
        root: The project's root.

    Raises:
        UsageError: Something would not; `lock` is proposed.
    """
    why = next(_reasons(environment, root.resolve()), None)
    if why is not None:
        raise UsageError(
            "ITH672",
            f"the environment of {environment.executable} cannot be captured: {why}",
            cure="write what the notebook imports into requirements.txt (`uv pip freeze` lists "
            "what is there), and `--environment lock`",
        )


def _reasons(environment: Environment, root: Path) -> Iterator[str]:
    prefix = Path(environment.prefix).resolve()
    if not environment.platform.startswith("linux"):
        yield f"it is one of {environment.platform}, and pods run Linux"
    if not environment.libc.startswith("glibc "):
        yield "its C library is not glibc"
    if (prefix / "conda-meta").is_dir():
        yield "it is a conda environment, with libraries that are not Python's"
    if environment.prefix == environment.base_prefix:
        yield "it is no virtual environment, so its packages are mixed with the system's"
    outside = [path for path in _foreign(environment) if not path.is_relative_to(root)]
    if outside:
        shown = ", ".join(map(str, outside[:_SHOWN]))
        yield f"it imports from {shown}, outside of it and of the project"


def _foreign(environment: Environment) -> Iterator[Path]:
    """Folders that it imports from and that neither it nor its interpreter holds."""
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
        for told in folder.glob("*.dist-info/direct_url.json"):
            source = _editable(told)
            if source is not None:
                yield source


def _editable(told: Path) -> Path | None:
    """The source of an editable package; finders of its own import from there."""
    try:
        content: dict[str, Any] = json.loads(told.read_bytes())
        if not content.get("dir_info", {}).get("editable"):
            return None
        return Path(unquote(urlsplit(str(content["url"])).path)).resolve()
    except (OSError, ValueError, KeyError, AttributeError):
        return None


def _needed(environment: Environment) -> str:
    """The oldest C library with which all compiled packages work, as their wheels say."""
    wheels = [each for site in environment.sites for each in Path(site).glob("*.dist-info/WHEEL")]
    needed = [_oldest(each, environment.libc) for each in wheels]
    return max((each for each in needed if each), key=version, default="")


def _oldest(wheel: Path, here: str) -> str:
    """The oldest C library of one wheel; empty when it needs none."""
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
    told = _NEWER_NAME.match(name)
    return f"glibc {told[1]}.{told[2]}" if told else here  # it was compiled on this machine
