"""Digests of snapshots without the files that do not count, for keys of steps.

Nothing is stored for them but a hint under the cache folder: the digest is that of the snapshot
that would be left, were these files taken away.
"""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.store.snapshots.format import digest_of, encode_tree
from ithaca.store.snapshots.ignore import matches, patterns
from ithaca.store.snapshots.model import RESERVED
from ithaca.store.snapshots.scan import text
from ithaca.store.snapshots.walker import children, root_entry, tree_entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pathspec import GitIgnoreSpec

    from ithaca.store.local import Store
    from ithaca.store.snapshots.model import Entry

_DIGEST = re.compile(r"[0-9a-f]{64}")
_VERSION = 1
"""Goes into the names of hints: raise it when the same patterns leave something else."""


class Counting:
    """Knows what of snapshots counts.

    Args:
        store: Where they are.
        ignored: Patterns of the files that do not count, gitignore's syntax. Ithaca's own folder
            (values, libraries) always counts. A folder that is empty without them does not count.
        cache: Folder for what was computed; None to keep it in memory only.

    Raises:
        UsageError: A pattern is wrong.

    Example:
        >>> from tempfile import mkdtemp
        >>> from ithaca.store import Ignore, Store, take
        >>> home = Path(mkdtemp())
        >>> store, work = Store.open(home / "store"), home / "work"
        >>> _ = work.mkdir(), (work / "a.py").write_text("1")
        >>> without = take(store, work, ignore=Ignore()).digest
        >>> _ = (work / "notes.md").write_text("read me")
        >>> Counting(store, ["*.md"]).digest(take(store, work, ignore=Ignore()).digest) == without
        True
    """

    def __init__(self, store: Store, ignored: Sequence[str], *, cache: Path | None = None) -> None:
        spec = patterns(ignored, "[tool.ithaca.reuse] ignore")
        self._store = store
        self._spec = spec
        self._known: dict[str, str] = {}
        said = "\n".join([str(_VERSION), *ignored]).encode()
        self._hints = cache / digest_of(said)[:16] if cache is not None else None

    def digest(self, snapshot: str) -> str:
        """Digest of what counts of a snapshot; its own when everything does.

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
        """Digest of a folder's tree; None when nothing is left of what it held."""
        found, left_out = [], False
        for name, entry in children(self._store, folder, path).items():
            below = path + b"/" + name if path else name
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
        if self._hints is None:
            return None
        with contextlib.suppress(OSError, UnicodeDecodeError):
            said = (self._hints / snapshot).read_text()
            return said if _DIGEST.fullmatch(said) else None
        return None

    def _write_hint(self, snapshot: str, digest: str) -> None:
        if self._hints is None:
            return
        with contextlib.suppress(OSError):  # it is computed again then
            self._hints.mkdir(parents=True, exist_ok=True)
            draft = self._hints / f".{snapshot}.{os.getpid()}"
            draft.write_text(digest)
            draft.replace(self._hints / snapshot)
