"""Stores that a user trusts although only files of a project name them.

The list belongs to the user and not to a project: whoever ships a project could ship it, too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.errors import StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD = "# Remotes that Ithaca may read: who writes there can run code as you. One URL a line.\n"


def place() -> Path:
    """The file with the list: in ITHACA_CONFIG, else in the user's folder of settings."""
    told = os.environ.get("ITHACA_CONFIG")
    if told:
        return Path(told).expanduser().absolute() / "trusted-stores"
    base = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    return base.absolute() / "ithaca" / "trusted-stores"


def trusted() -> tuple[str, ...]:
    """The URLs that are trusted, each with all that lies below it.

    Raises:
        StoreError: The list cannot be read.
    """
    try:
        text = place().read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable("read", error) from None
    lines = (line.strip() for line in text.splitlines())
    return tuple(sorted({line for line in lines if line and not line.startswith("#")}))


def is_trusted(url: str) -> bool:
    """Whether a remote is one that is trusted, or lies below one.

    Args:
        url: The remote.
    """
    return covering(url) is not None


def covering(url: str) -> str | None:
    """The trusted URL that covers a remote.

    Args:
        url: The remote.

    Raises:
        UsageError: The URL names no remote.
    """
    known = trusted()
    wanted = _parts(url) if known else ()
    if {".", ".."} & {*wanted}:  # it may lead anywhere
        return None
    return next((each for each in known if wanted[: len(_parts(each))] == _parts(each)), None)


def trust(url: str) -> None:
    """Trust a remote and all that lies below it.

    Args:
        url: The remote.

    Raises:
        UsageError: The URL names no remote.
        StoreError: The list cannot be written.
    """
    if {".", ".."} & {*_parts(url)}:
        raise UsageError("ITH422", "it may not hold `.` or `..`", where=url)
    _write([*trusted(), url.rstrip("/")])


def forget(url: str) -> None:
    """Trust a remote no longer.

    Args:
        url: As it was trusted.

    Raises:
        UsageError: It was not.
        StoreError: The list cannot be written.
    """
    known = trusted()
    left = [each for each in known if _parts(each) != _parts(url)]
    if len(left) == len(known):
        wider = covering(url)
        raise UsageError(
            "ITH922",
            "this store is not in the list of those that are trusted"
            + (f", but lies below {wider}" if wider else ""),
            where=url,
            cure=f"`ithaca store trust --forget {wider}`"
            if wider
            else "`ithaca store trusted` lists them",
        )
    _write(left)


def _parts(url: str) -> tuple[str, ...]:
    from ithaca.store.providers import parse

    found = parse(url)
    path = found.path.strip("/")
    return (found.scheme, found.bucket, *(path.split("/") if path else ()))


def _write(urls: Sequence[str]) -> None:
    path = place()
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600, exist_ok=False)
        draft.write_text(_HEAD + "".join(f"{each}\n" for each in sorted(set(urls))))
        draft.replace(path)
    except OSError as error:
        raise _unusable("written", error) from None


def _unusable(what: str, error: Exception) -> StoreError:
    said = getattr(error, "strerror", None) or str(error)
    return StoreError(
        "ITH921",
        f"the list of stores that you trust cannot be {what}: {said}",
        where=str(place()),
        cure="mend it, or name another folder for it in ITHACA_CONFIG",
    )
