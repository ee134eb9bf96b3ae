"""Backends by name, found by entry point."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from ithaca.backends.protocol import PROTOCOL_VERSION, Backend
from ithaca.errors import BackendError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

GROUP = "ithaca.backends"


def available() -> dict[str, EntryPoint]:
    """The installed backends by name, none of them loaded."""
    return {found.name: found for found in sorted(entry_points(group=GROUP))}


def backend(name: str, settings: Mapping[str, Any] | None = None) -> Backend:
    """The backend of that name.

    Args:
        name: As in `--backend`.
        settings: `[tool.ithaca.<name>]` of the project.

    Raises:
        UsageError: No such backend is installed.
        BackendError: It is installed and cannot be loaded or speaks another protocol.

    Example:
        >>> backend("local").name
        'local'
    """
    known = available()
    if name not in known:
        raise UsageError(
            "ITH611",
            f"unknown backend `{name}`",
            cure=f"installed backends: {', '.join(known) or 'none'}; packages may add others",
        )
    try:
        loaded = known[name].load()
    except Exception as error:  # a foreign package may raise anything while it is imported
        raise BackendError(
            "ITH612",
            f"cannot load the backend `{name}`: {type(error).__name__}: {error}",
            cure=f"install the packages that {known[name].value} needs",
        ) from error
    version = getattr(loaded, "protocol_version", None)
    if not (isinstance(loaded, type) and issubclass(loaded, Backend)):
        raise BackendError("ITH613", f"{known[name].value} is not a backend")
    if version != PROTOCOL_VERSION:
        raise BackendError(
            "ITH614",
            f"the backend `{name}` speaks protocol {version}, this Ithaca {PROTOCOL_VERSION}",
            cure="install matching versions of both",
        )
    return loaded(settings)
