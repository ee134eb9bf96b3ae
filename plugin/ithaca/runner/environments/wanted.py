"""What a run's environment comes from: as people set it, and as it travels to pods."""

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
        kind: What the environment comes from.
        path: The lock, relative to the root; empty to look for one.
    """

    kind: Literal["image", "lock", "capture"] = "image"
    path: str = ""


def setting(text: str | None) -> Setting:
    """Read the setting.

    Args:
        text: As it is written; None when it is not.

    Raises:
        UsageError: It is none that there is.

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
    raise UsageError("ITH671", f"there is no environment `{text}`", cure=_CURE)


class Wanted(msgspec.Struct, frozen=True):
    """An environment that pods restore.

    Attributes:
        kind: What it comes from.
        digest: Of a lock, what counts of it; of a capture, the document in the store.
        path: The lock, relative to the root.
    """

    kind: Literal["lock", "capture"]
    digest: str
    path: str = ""

    def __str__(self) -> str:
        """As it stands on a pod's command line and in a run's document."""
        return f"lock:{self.path}@{self.digest}" if self.path else f"{self.kind}@{self.digest}"


def parse(text: str) -> Wanted | None:
    """Read what a command line or a run's document says; None for the image's own.

    Raises:
        UsageError: It is no such text.

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
