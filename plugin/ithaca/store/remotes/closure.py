"""All trees, attributes and files of some snapshots; each folder is read once."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from ithaca.errors import UnsafeSnapshot
from ithaca.store.snapshots.format import FOLDER, MAX_DEPTH, SYMLINK, decode_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ithaca.store.snapshots.format import SnapshotBody

    Load = Callable[[Sequence[str]], dict[str, bytes]]

Folder = tuple[str, str]
"""Digests of a folder's tree and of its attributes; the second may be empty."""


@dataclasses.dataclass(slots=True)
class _Reached:
    objects: tuple[str, ...]
    folders: tuple[Folder, ...]


class Closure:
    """The objects of some snapshots.

    Attributes:
        structure: Digest of each tree and attributes to its size, ordered by depth.
        files: Digest of each file's bytes to its size.
    """

    def __init__(self, load: Load) -> None:
        """Create an empty closure.

        Args:
            load: Returns the verified bytes of all requested objects.
        """
        self._load = load
        self._reached: dict[Folder, _Reached] = {}
        self.structure: dict[str, int] = {}
        self.files: dict[str, int] = {}

    def add(self, body: SnapshotBody) -> Folder:
        """Add a snapshot, one level of folders at a time.

        Returns:
            Its root, for `objects` and `masks`.

        Raises:
            Corrupt: A part of it is damaged.
            UnsafeSnapshot: It has a name that could escape the root, or is nested too deeply.
        """
        root = (body.tree.hex(), body.attributes.hex() if body.attributes else "")
        before = set(self._reached)
        try:
            self._walk([root])
        except BaseException:
            for folder in self._reached.keys() - before:  # incomplete
                del self._reached[folder]
            raise
        return root

    def _walk(self, level: list[Folder]) -> None:
        for _ in range(MAX_DEPTH + 1):
            level = [one for one in dict.fromkeys(level) if one not in self._reached]
            if not level:
                return
            names = dict.fromkeys(digest for folder in level for digest in folder if digest)
            data = self._load(list(names))
            level = [below for folder in level for below in self._look(folder, data)]
        raise UnsafeSnapshot("ITH404", f"a snapshot has folders nested more than {MAX_DEPTH} deep")

    def _look(self, folder: Folder, data: dict[str, bytes]) -> tuple[Folder, ...]:
        entries = decode_folder(*folder, data.__getitem__)
        for digest in filter(None, folder):
            self.structure[digest] = len(data[digest])
        files, folders = [], []
        for entry, attributes in entries:
            if entry.kind == FOLDER:
                child = attributes.child if attributes else None
                folders.append((entry.reference.hex(), child.hex() if child else ""))
            elif entry.kind != SYMLINK:
                files.append(entry.reference.hex())
                self.files[files[-1]] = entry.size
        objects = (*filter(None, folder), *files)
        self._reached[folder] = _Reached(objects, tuple(folders))
        return tuple(folders)

    def objects(self, root: Folder) -> Iterable[str]:
        """Digests of all objects of one snapshot, each once."""
        folders, seen = [root], {root}
        found: dict[str, None] = {}
        while folders:
            reached = self._reached[folders.pop()]
            found.update(dict.fromkeys(reached.objects))
            new = [one for one in reached.folders if one not in seen]
            seen.update(new)
            folders.extend(new)
        return found

    def masks(self, root: Folder, bit: Callable[[str], int], known: dict[Folder, int]) -> int:
        """The combined bits of all objects of one snapshot.

        Args:
            root: The snapshot's root.
            bit: Returns the bits of an object.
            known: Results for folders; they are used and extended.
        """
        if root not in known:
            reached, mask = self._reached[root], 0
            for digest in reached.objects:
                mask |= bit(digest)
            for folder in reached.folders:
                mask |= self.masks(folder, bit, known)
            known[root] = mask
        return known[root]
