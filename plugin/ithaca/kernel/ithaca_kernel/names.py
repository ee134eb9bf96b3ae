"""Pointers: small files that say where each name's value is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

from .files import read_json, to_json, write_atomically


@dataclass(frozen=True)
class Pointer:
    """Where a name's value is.

    Attributes:
        object: Id of the object; None for a name that was deleted or is in conflict.
        place: The value's key in the object.
        conflict: The steps that saved different values, in a join.
    """

    object: Optional[str] = None
    place: str = ""
    conflict: Tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """The content of the pointer's file."""
        if self.object is not None:
            return to_json({"object": self.object, "place": self.place})
        if self.conflict:
            return to_json({"conflict": list(self.conflict)})
        return to_json({"deleted": True})


DELETED = Pointer()


def read_pointers(values: Path) -> Dict[str, Pointer]:
    """All names of a volume, sorted.

    Args:
        values: The folder `values` of the volume.
    """
    found = {}
    folder = values / "names"
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        fields: Dict[str, Any] = read_json(path)
        found[path.name[: -len(".json")]] = Pointer(
            fields.get("object"), fields.get("place", ""), tuple(fields.get("conflict", ()))
        )
    return found


def write_pointer(values: Path, name: str, pointer: Pointer) -> None:
    """Write the pointer of a name."""
    write_atomically(values / "names" / f"{name}.json", pointer.to_bytes())
