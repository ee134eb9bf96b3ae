"""The source: the files of a project that a workflow starts from."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ithaca.settings import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ithaca.model.workflow import Workflow
    from ithaca.runs.project import Project
    from ithaca.store import Store, Taken


def take_source(
    project: Project,
    store: Store,
    workflow: Workflow,
    tell: Callable[[str, int, int], None],
    *,
    without: Sequence[Path] = (),
) -> Taken:
    """Take the source snapshot, which the first steps of a workflow start from.

    Args:
        project: The project.
        store: The store that it is written to.
        workflow: The workflow; its volumes are left out.
        tell: Called with (what, files, bytes) as the work proceeds.
        without: Files to leave out because they are made from this snapshot.

    Raises:
        UsageError: A setting is wrong.
        StoreError: The store cannot be written, or the project is too large.
    """
    from ithaca.runner.volumes import left_out
    from ithaca.store import Ignore, Limits, MergeRules, StatCache, take

    # Report a wrong rule now, not when the first branches meet.
    MergeRules.of(project.settings.table("merge"))
    table = project.settings.table("source")
    # A home inside the root is not part of the source, even if it is not called `.ithaca`.
    own = [*left_out(workflow, project.root), *_inside(project, [project.home, *without])]
    known = project.home / "cache" / "source"
    cache = StatCache.load(known)
    what = "reading the project's files"
    tell(what, 0, 0)
    taken = take(
        store,
        project.root,
        ignore=Ignore.read(project.root, source=True, extra=own),
        cache=cache,
        limits=Limits(
            bytes=whole_number("source.max_bytes", table.get("max_bytes"), Limits.bytes),
            files=whole_number("source.max_files", table.get("max_files"), Limits.files),
        ),
        progress=partial(tell, what),
    )
    known.parent.mkdir(parents=True, exist_ok=True)
    cache.save(known)
    return taken


def _inside(project: Project, paths: Sequence[Path]) -> list[str]:
    """Patterns for the paths below the root, and for what they lead to if they are links."""
    from ithaca.store.snapshots.ignore import literal

    places = {place for path in paths for place in (path, path.resolve())}
    inside = (each for each in sorted(places) if each.is_relative_to(project.root))
    return [literal(each.relative_to(project.root).as_posix()) for each in inside]
