"""Remotes that a user trusts although only a project's files name them.

The list belongs to the user: a list in the project could be changed by anyone who changes the
project.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.errors import StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEAD = "# Trusted remotes, one URL per line. Anyone who can write to one can run code as you.\n"


def place() -> Path:
    """Path of the list: in ITHACA_CONFIG, otherwise in the user's configuration folder."""
    default = f"{os.environ.get('XDG_CONFIG_HOME') or '~/.config'}/ithaca"
    folder = Path(os.environ.get("ITHACA_CONFIG") or default)
    return folder.expanduser().absolute() / "trusted-stores"


def trusted() -> tuple[str, ...]:
    """The trusted URLs; each includes everything below it.

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
    """Whether a remote, or a URL above it, is trusted.

    Args:
        url: The remote.
    """
    return covering(url) is not None


def covering(url: str) -> str | None:
    """The trusted URL that includes a remote; None if there is none.

    Args:
        url: The remote.

    Raises:
        UsageError: The URL does not name a remote.
    """
    known = trusted()
    wanted = _parts(url) if known else ()
    if {".", ".."} & {*wanted}:  # it could refer to any path
        return None
    return next((each for each in known if wanted[: len(_parts(each))] == _parts(each)), None)


def trust(url: str) -> None:
    """Trust a remote and everything below it.

    Args:
        url: The remote.

    Raises:
        UsageError: The URL does not name a remote.
        StoreError: The list cannot be written.
    """
    if {".", ".."} & {*_parts(url)}:
        raise UsageError("ITH422", "the URL must not contain `.` or `..`", where=url)
    _write([*trusted(), url.rstrip("/")])


def forget(url: str) -> None:
    """Stop trusting a remote.

    Args:
        url: The URL in the list.

    Raises:
        UsageError: It is not in the list.
        StoreError: The list cannot be written.
    """
    known = trusted()
    left = [each for each in known if _parts(each) != _parts(url)]
    if len(left) == len(known):
        wider = covering(url)
        raise UsageError(
            "ITH922",
            "this store is not in the list of trusted stores"
            + (f", but {wider} includes it" if wider else ""),
            where=url,
            cure=f"`ithaca store trust --forget {wider}`"
            if wider
            else "`ithaca store trusted` shows the list",
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
    reason = getattr(error, "strerror", None) or str(error)
    return StoreError(
        "ITH921",
        f"the list of trusted stores cannot be {what}: {reason}",
        where=str(place()),
        cure="fix the file, or set ITHACA_CONFIG to another folder",
    )
