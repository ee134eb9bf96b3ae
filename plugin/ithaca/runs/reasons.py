"""Why steps run again: what changed since the run before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.errors import StoreError
from ithaca.records.journal import Journal, list_runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ithaca.model.run import RunDocument
    from ithaca.model.workflow import Step, Workflow
    from ithaca.store import Store

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


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" (+{len(listed) - _MOST} more)" if len(listed) > _MOST else ""
    return ", ".join(listed[:_MOST]) + more
