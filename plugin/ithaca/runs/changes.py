"""What changed in a project since a run recorded it; a retry runs what was recorded."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.errors import IthacaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Workflow
    from ithaca.store import Store
    from ithaca.store.snapshots.model import Entry

_MOST = 3


def changed_since(store: Store, document: RunDocument, workflow: Workflow) -> tuple[str, ...]:
    """A notice that a retry does not see what changed since the run was submitted.

    The notebook counts as changed if its code or tags changed, a file if its bytes did. New files
    do not count, because most are outputs.

    Args:
        store: The store with the source snapshot.
        document: The run.
        workflow: Its workflow.

    Returns:
        At most one notice.
    """
    root = Path(document.root)
    changed = [document.notebook] if _notebook_changed(root / document.notebook, workflow) else []
    changed += _changed_files(store, document.source, root)
    if not changed:
        return ()
    more = f" and {len(changed) - _MOST} more" if len(changed) > _MOST else ""
    return (
        f"{', '.join(changed[:_MOST])}{more} changed since the run was submitted; a retry uses "
        f"the recorded files, `ithaca run {document.notebook}` uses the current ones",
    )


def _notebook_changed(path: Path, workflow: Workflow) -> bool:
    from ithaca.compiling.compile import compile as compile_notebook

    try:
        return compile_notebook(path).source.digest != workflow.source.digest
    except IthacaError:
        return True


def _changed_files(store: Store, source: str, root: Path) -> Iterator[str]:
    from ithaca.store import entries

    try:
        recorded = entries(store, source)
    except IthacaError:  # the run itself reports it
        return
    for path, entry in recorded.items():
        if entry.kind == "file" and _differs(root / os.fsdecode(path), entry):
            yield os.fsdecode(path)


def _differs(path: Path, entry: Entry) -> bool:
    """Whether a file changed; it is read only if its time changed."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size != entry.size:
            return True
        if found.st_mtime_ns == entry.mtime_ns:
            return False
        from blake3 import blake3

        return blake3().update_mmap(path).hexdigest() != entry.digest
    except OSError:
        return True
