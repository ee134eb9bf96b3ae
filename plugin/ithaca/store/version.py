"""The file `version` of a store or a remote, and the cures of files that cannot be used."""

from __future__ import annotations

import msgspec

from ithaca.errors import StoreError

UPGRADE = "upgrade Ithaca: `pip install -U ithaca`"
"""Cure for a format that is newer than this Ithaca."""

DAMAGED = (
    "`ithaca snapshots verify` lists what is damaged; `--repair` moves it away, so that the next "
    "run writes it again"
)
"""Cure for damaged files of a local store."""


class _Version(msgspec.Struct, frozen=True):
    format: str
    version: int
    features: tuple[str, ...] = ()


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """A format whose version is in a file.

    Attributes:
        name: Its name in the file.
        version: The newest version that this Ithaca reads.
        noun: What has this format, for messages.
        wrong: The message if the file has another format.
        cure: What to do then.
    """

    name: str
    version: int
    noun: str
    wrong: str
    cure: str

    def file(self) -> bytes:
        """The content of a new file `version`."""
        return msgspec.json.encode(_Version(self.name, self.version)) + b"\n"

    def check(self, data: bytes, where: str) -> None:
        """Check a file `version`.

        Args:
            data: Its bytes.
            where: The place, for messages.

        Raises:
            StoreError: It has another format (ITH400), or is newer than this Ithaca (ITH401).
        """
        try:
            found = msgspec.json.decode(data, type=_Version)
        except msgspec.MsgspecError:
            found = _Version("", 0)
        if found.format != self.name or found.version < 1:
            raise StoreError("ITH400", self.wrong, cure=self.cure, where=where)
        if found.version > self.version or found.features:
            features = f" with {', '.join(found.features)}" if found.features else ""
            raise StoreError(
                "ITH401",
                f"the {self.noun} has format version {found.version}{features}; "
                f"this Ithaca reads version {self.version}",
                cure=UPGRADE,
                where=where,
            )


STORE = Format(
    name="ithaca-store",
    version=1,
    noun="store",
    wrong="this folder is not a store: its file `version` is wrong",
    cure="move it away, or set ITHACA_HOME to another folder",
)
