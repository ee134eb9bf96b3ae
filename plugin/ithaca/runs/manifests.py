"""Manifests of a workflow for an engine, and what they refer to in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ithaca.errors import UsageError
from ithaca.records import names
from ithaca.runs.environment import for_pods, setting
from ithaca.runs.project import find_project
from ithaca.runs.secrets import refuse_named_credentials
from ithaca.runs.source import take_source

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from ithaca.backends import Manifest
    from ithaca.runs.workflow import Workflow


def manifests(
    located: Workflow,
    backend: str,
    *,
    flags: Mapping[str, Any],
    push: bool = False,
    output: Path | None = None,
    folder: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> tuple[Manifest, ...]:
    """The manifests of a workflow.

    What they refer to by digest is kept in the project's own store or pushed.

    Args:
        located: What `ithaca.compile` returned.
        backend: Name of the backend.
        flags: Settings that this call overrides.
        push: Send the workflow, its notebook and its source to the store of the manifests, for
            runs that kubectl, git or a trigger starts.
        output: The file that the manifests are written to; it is left out of the source.
        folder: The folder that each of them is written to; these files are left out, too.
        progress: Called with (what, files, bytes) as the work proceeds.

    Raises:
        UsageError: A setting is missing or wrong, or no store to push to is configured.
        StoreError: The store cannot be reached.
    """
    workflow, project = located.ir, find_project(located.root, flags)
    chosen = setting(project, backend)
    if chosen.kind == "capture" and not push:
        raise UsageError(
            "ITH690",
            "a captured environment must be pushed to the store of the manifests",
            cure="add --push, or use `--environment lock`, which needs no push",
        )
    report = progress or (lambda _what, _files, _bytes: None)
    engine = project.backend(backend)
    known = engine.emit(workflow)  # fails before anything is stored
    written = [output] if output else []
    if folder is not None:
        written += [folder / each.name for each in known]
    if push:
        store = project.shared(project.store_url(engine, writing=True), create=True)
    else:
        store = project.store(create=True)
    environment = for_pods(project, workflow, chosen, store, report)
    engine = project.backend(backend, environment=str(environment or ""))
    taken = take_source(
        project, store, workflow, report, without=[each.absolute() for each in written]
    )
    refuse_named_credentials(workflow, taken.left_out, str(project.root))
    if push:
        report("sending to the store", 0, 0)
    store.share([taken.digest])
    notebook = (project.root / workflow.source.notebook).read_bytes()
    store.create(names.notebook(workflow.source.digest), notebook)
    store.put(workflow.to_json().encode())
    return engine.emit(replace(workflow, source=replace(workflow.source, snapshot=taken.digest)))
