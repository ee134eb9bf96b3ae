"""The file `version` of a store: which format it has, and whether this Ithaca can read it."""

from __future__ import annotations

import msgspec

from ithaca.errors import StoreError

VERSION = 1


class _Version(msgspec.Struct, frozen=True):
    format: str
    version: int
    features: tuple[str, ...] = ()


VERSION_FILE = msgspec.json.encode(_Version("ithaca-store", VERSION)) + b"\n"
"""What a new store's file says."""


def check_version(data: bytes, where: str) -> None:
    """Refuse what is no store, or one of a newer format.

    Args:
        data: Bytes of the file `version`.
        where: The store, for the message.

    Raises:
        StoreError: It is no store (ITH400), or newer than this Ithaca (ITH401).
    """
    try:
        version = msgspec.json.decode(data, type=_Version)
    except msgspec.MsgspecError:
        version = _Version("", 0)
    if version.format != "ithaca-store" or version.version < 1:
        raise StoreError(
            "ITH400",
            "this folder is no store: its `version` is wrong",
            cure="move it away, or let ITHACA_HOME name another place",
            where=where,
        )
    if version.version > VERSION or version.features:
        features = f" with {', '.join(version.features)}" if version.features else ""
        raise StoreError(
            "ITH401",
            f"the store has version {version.version} of the format{features}; "
            f"this Ithaca reads version {VERSION}",
            cure="upgrade Ithaca: `pip install -U ithaca`",
            where=where,
        )
