"""Digests of snapshots without the files that keys of steps ignore.

The digest is that of the snapshot without these files. No such snapshot is stored; only the digest
is kept in the cache folder.
"""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.store.snapshots.blobs import replace_file
from ithaca.store.snapshots.format import digest_of, encode_tree
from ithaca.store.snapshots.ignore import matches, patterns
from ithaca.store.snapshots.model import RESERVED
from ithaca.store.snapshots.scan import join, text
from ithaca.store.snapshots.walker import children, root_entry, tree_entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathspec import GitIgnoreSpec

    from ithaca.store.base import Store
    from ithaca.store.snapshots.model import Entry

_DIGEST = re.compile(r"[0-9a-f]{64}")
_VERSION = 1
"""Part of the names of cached digests: raise it if the same patterns give another result."""


class SnapshotFilter:
    """Computes digests of snapshots without ignored files.

    Args:
        store: The store that holds the snapshots.
        ignored: Patterns of the ignored files, in gitignore syntax. Ithaca's own folder (values,
            libraries) is never ignored. A folder with only ignored files is ignored too.
        cache: Folder for computed digests; None to keep them in memory.

    Raises:
        UsageError: A pattern is invalid.

    Example:
        >>> from tempfile import mkdtemp
        >>> from ithaca.store import Ignore, LocalStore, take
        >>> home = Path(mkdtemp())
        >>> store, work = LocalStore.open(home / "store"), home / "work"
        >>> _ = work.mkdir(), (work / "a.py").write_text("1")
        >>> without = take(store, work, ignore=Ignore()).digest
        >>> _ = (work / "notes.md").write_text("read me")
        >>> with_notes = take(store, work, ignore=Ignore()).digest
        >>> SnapshotFilter(store, ["*.md"]).digest(with_notes) == without
        True
    """

    def __init__(self, store: Store, ignored: Sequence[str], *, cache: Path | None = None) -> None:
        self._store = store
        self._spec = patterns(ignored, "[tool.ithaca.reuse] ignore")
        self._known: dict[str, str] = {}
        name = "\n".join([str(_VERSION), *ignored]).encode()
        self._hints = cache / digest_of(name)[:16] if cache is not None else None

    def digest(self, snapshot: str) -> str:
        """Digest of a snapshot without ignored files.

        Raises:
            NotFound: No such snapshot, or a part of it is missing.
            Corrupt: A part of it is damaged.
        """
        if self._spec is None:
            return snapshot
        known = self._known.get(snapshot) or self._read_hint(snapshot)
        if known is None:
            folder = root_entry(self._store, snapshot)
            known = self._digest(folder, self._spec, b"") or digest_of(encode_tree([]))
            self._write_hint(snapshot, known)
        self._known[snapshot] = known
        return known

    def _digest(self, folder: Entry, spec: GitIgnoreSpec, path: bytes) -> str | None:
        """Digest of a folder's tree; None if it holds ignored files only."""
        found, left_out = [], False
        for name, entry in children(self._store, folder, path).items():
            below = join(path, name)
            if not path and name == RESERVED.encode():
                found.append(tree_entry(name, entry))
            elif matches(spec, text(below), folder=entry.kind == "dir"):
                left_out = True
            elif entry.kind == "dir":
                digest = self._digest(entry, spec, below)
                left_out |= digest is None
                if digest is not None:
                    found.append(tree_entry(name, entry, digest=digest))
            else:
                found.append(tree_entry(name, entry))
        return None if left_out and not found else digest_of(encode_tree(found))

    def _read_hint(self, snapshot: str) -> str | None:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            hint = (self._hints / snapshot).read_text() if self._hints is not None else ""
            return hint if _DIGEST.fullmatch(hint) else None
        return None

    def _write_hint(self, snapshot: str, digest: str) -> None:
        with contextlib.suppress(OSError):  # computed again next time
            if self._hints is not None:
                replace_file(self._hints / snapshot, digest.encode())
