"""Where a run's environment comes from: the setting, and the form that travels to pods."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from ithaca.errors import UsageError

_TRAVELS = re.compile(r"(?:lock:(?P<path>.+)|capture)@(?P<digest>[0-9a-f]{64})", re.DOTALL)
_CURE = "write `image`, `lock`, `lock:FILE` or `capture`"


class Setting(msgspec.Struct, frozen=True):
    """The setting `environment`.

    Attributes:
        kind: Where the environment comes from.
        path: The lock, relative to the root; empty to search for one.
    """

    kind: Literal["image", "lock", "capture"] = "image"
    path: str = ""


def setting(text: str | None) -> Setting:
    """Parse the setting.

    Args:
        text: The setting; None when it is not set.

    Raises:
        UsageError: There is no such environment.

    Example:
        >>> setting("lock:requirements.txt")
        Setting(kind='lock', path='requirements.txt')
    """
    kind, _, path = (text or "image").partition(":")
    if kind == "lock" and (path or text == "lock"):
        return Setting("lock", path)
    if text in (None, "", "image"):
        return Setting()
    if text == "capture":
        return Setting("capture")
    raise UsageError("ITH671", f"unknown environment `{text}`", cure=_CURE)


class Wanted(msgspec.Struct, frozen=True):
    """An environment that pods restore.

    Attributes:
        kind: Where it comes from.
        digest: Digest of the lock, or of the capture's document in the store.
        path: The lock, relative to the root.
    """

    kind: Literal["lock", "capture"]
    digest: str
    path: str = ""

    def __str__(self) -> str:
        """Its form on a pod's command line and in a run's document."""
        return f"lock:{self.path}@{self.digest}" if self.path else f"{self.kind}@{self.digest}"


def parse(text: str) -> Wanted | None:
    """Parse the form on a command line or in a run's document; None for the image's own.

    Raises:
        UsageError: The text is wrong.

    Example:
        >>> text = f"lock:requirements.txt@{'ab' * 32}"
        >>> str(parse(text)) == text, parse("")
        (True, None)
    """
    if not text:
        return None
    found = _TRAVELS.fullmatch(text)
    if found is None:
        raise UsageError(
            "ITH671",
            f"a pod cannot restore the environment `{text[:200]}`",
            cure="print the manifests again: `ithaca compile NB --backend BACKEND`",
        )
    return Wanted("lock" if found["path"] else "capture", found["digest"], found["path"] or "")
