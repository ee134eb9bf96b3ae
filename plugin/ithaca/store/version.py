"""The file `version` of a store or a remote: which format it has, and whether we can read it."""

from __future__ import annotations

import msgspec

from ithaca.errors import StoreError

UPGRADE = "upgrade Ithaca: `pip install -U ithaca`"
"""The cure of everything that a newer Ithaca wrote."""


class _Version(msgspec.Struct, frozen=True):
    format: str
    version: int
    features: tuple[str, ...] = ()


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """A format that says its version in a file.

    Attributes:
        name: What the file calls it.
        version: The newest version that we read.
        noun: What has this format, for messages.
        stranger: The message about something else.
        cure: What to do then.
    """

    name: str
    version: int
    noun: str
    stranger: str
    cure: str

    def file(self) -> bytes:
        """What the file `version` of a new one says."""
        return msgspec.json.encode(_Version(self.name, self.version)) + b"\n"

    def check(self, data: bytes, where: str) -> None:
        """Refuse what has another format, or a newer version of it.

        Args:
            data: Bytes of the file `version`.
            where: The place, for the message.

        Raises:
            StoreError: It has another format (ITH400), or is newer than this Ithaca (ITH401).
        """
        try:
            found = msgspec.json.decode(data, type=_Version)
        except msgspec.MsgspecError:
            found = _Version("", 0)
        if found.format != self.name or found.version < 1:
            raise StoreError("ITH400", self.stranger, cure=self.cure, where=where)
        if found.version > self.version or found.features:
            features = f" with {', '.join(found.features)}" if found.features else ""
            raise StoreError(
                "ITH401",
                f"the {self.noun} has version {found.version} of the format{features}; "
                f"this Ithaca reads version {self.version}",
                cure=UPGRADE,
                where=where,
            )


STORE = Format(
    name="ithaca-store",
    version=1,
    noun="store",
    stranger="this folder is no store: its `version` is wrong",
    cure="move it away, or let ITHACA_HOME name another place",
)
