"""What changed since an earlier run: why steps run again, and what a retry does not see."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.errors import IthacaError, StoreError
from ithaca.records.journal import Journal, list_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Step, Workflow
    from ithaca.store import Entry, Store

_LOOK_BACK = 50
"""How many runs are searched for an earlier one of the same notebook."""

_MOST = 3


def why_again(
    store: Store,
    workflow: Workflow,
    run: RunDocument,
    counts: Callable[[str], str] | None,
) -> tuple[str, ...]:
    """A notice that says why steps run although the notebook ran before.

    Args:
        store: Where the runs are.
        workflow: The workflow.
        run: The run that is being submitted, with its plan.
        counts: The reuse filter (`keys.reuse_filter`); None if all files count.

    Returns:
        At most one sentence.
    """
    again = [
        step
        for step, planned in zip(workflow.steps, run.plan, strict=True)
        # Without a key it depends on another step that runs: explain that one.
        if planned.action == "run" and planned.key is not None and step.cache
    ]
    if not run.reuse or not again:
        return ()
    try:
        before = _before(store, run)
        found = list(_reasons(store, again, before, run, counts)) if before else []
    except StoreError:  # parts of an earlier run may be gone
        return ()
    if before is None or not found:
        return ()
    return (f"not reused, because since run {before.id} {'; '.join(found)}",)


def _before(store: Store, run: RunDocument) -> RunDocument | None:
    """The last run of the same notebook that succeeded or failed."""
    for each in list(reversed(list_runs(store)))[:_LOOK_BACK]:
        journal = Journal(store, each)
        try:
            end, document = journal.ended(), journal.run()
        except StoreError:
            continue
        ran = end is not None and end.status in ("succeeded", "failed")
        if ran and document.notebook == run.notebook:
            return document
    return None


def _reasons(
    store: Store,
    again: list[Step],
    before: RunDocument,
    run: RunDocument,
    counts: Callable[[str], str] | None,
) -> Iterator[str]:
    workflow = Journal(store, before.id).workflow()
    known = {step.name: step for step in workflow.steps}
    if before.environment != run.environment:
        yield "the environment changed (what the kernel can import)"
    if before.source != run.source and any(not step.needs for step in again):
        files = _changed_files(store, before, run, counts)
        if files:
            yield (
                f"the project's files changed: {_some(files)} (list files that do not matter under "
                "[tool.ithaca.reuse] `ignore`)"
            )
    consumed = {name for step in again for name in step.parameters}
    names = [
        name
        for name in sorted(consumed & before.arguments.keys())
        if before.arguments[name] != run.arguments.get(name)
    ]
    if names:
        yield f"parameters changed: {_some(names)}"
    edited = [
        step.name
        for step in again
        if step.name in known and known[step.name].code_digest != step.code_digest
    ]
    if edited:
        yield f"the code of steps changed: {_some(edited)}"


def _changed_files(
    store: Store, before: RunDocument, run: RunDocument, counts: Callable[[str], str] | None
) -> list[str]:
    from ithaca.store import diff
    from ithaca.store.snapshots.ignore import matches, patterns

    if counts is not None and counts(before.source) == counts(run.source):
        return []
    ignored = patterns(run.reuse_ignore, "reuse.ignore")
    return [
        each.path
        for each in diff(store, before.source, run.source)
        if any(entry and entry.kind != "dir" for entry in (each.before, each.after))
        and not matches(ignored, each.path, folder=False)
    ]


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
    changed += _edited_files(store, document.source, root)
    if not changed:
        return ()
    return (
        f"{_some(changed)} changed since the run was submitted; a retry uses "
        f"the recorded files, `ithaca run {document.notebook}` uses the current ones",
    )


def _notebook_changed(path: Path, workflow: Workflow) -> bool:
    from ithaca.compiling.compile import compile as compile_notebook

    try:
        return compile_notebook(path).source.digest != workflow.source.digest
    except IthacaError:
        return True


def _edited_files(store: Store, source: str, root: Path) -> Iterator[str]:
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


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" (+{len(listed) - _MOST} more)" if len(listed) > _MOST else ""
    return ", ".join(listed[:_MOST]) + more
