"""Manifests for an engine, with the digests of what a run starts from; `push` sends that, too."""

from __future__ import annotations

import re
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

    from ithaca.runs.workflow import Workflow


_DOCUMENT = re.compile(r"^---\n", re.MULTILINE)
_KIND = re.compile(r"^kind: (\w+)$", re.MULTILINE)
_NAME = re.compile(r"^  (?:name|generateName): '?([\w.-]+?)-?'?$", re.MULTILINE)


def files(text: str) -> dict[str, str]:
    r"""Manifests as one file each, by names that say what is in them.

    Args:
        text: YAML documents as a backend prints them.

    Example:
        >>> files("---\nkind: Task\nmetadata:\n  name: digits--step\n")
        {'task-digits--step.yaml': 'kind: Task\nmetadata:\n  name: digits--step\n'}
    """
    found: dict[str, str] = {}
    for document in filter(None, _DOCUMENT.split(text)):
        kind, name = _KIND.search(document), _NAME.search(document)
        parts = (kind[1].lower() if kind else "manifest", name[1] if name else "")
        stem = "-".join(filter(None, parts))
        number = sum(each.startswith(f"{stem}.") for each in found)
        found[f"{stem}.{number + 1}.yaml" if number else f"{stem}.yaml"] = document
    return found


def manifests(
    located: Workflow,
    backend: str,
    *,
    flags: Mapping[str, Any],
    push: bool = False,
    output: Path | None = None,
    folder: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> str:
    """The manifests of a workflow.

    What they name is kept in the project's own store, and sent when that is asked for.

    Args:
        located: What `ithaca.compile` returned.
        backend: Name of the backend.
        flags: Settings that this call overrides.
        push: Send the workflow, its notebook and its source to the store that the manifests name,
            so that a run finds them that kubectl, git or a trigger starts.
        output: The file that the manifests are written to: it is no part of the source.
        folder: The folder that `files` of them are written to: they are no part of it, either.
        progress: Told what is being done, and of how many files and bytes it was done already.

    Raises:
        UsageError: A setting is missing or wrong, or nobody named a store to push to.
        StoreError: The store cannot be reached.
    """
    workflow, project = located.ir, find_project(located.root, flags)
    chosen = setting(project, backend)
    if chosen.kind == "capture" and not push:
        raise UsageError(
            "ITH690",
            "manifests can name a captured environment only where it is sent to their store",
            cure="`ithaca compile --push`; or `--environment lock`, which needs nothing sent",
        )
    tell = progress or (lambda _what, _files, _bytes: None)
    engine = project.backend(backend)
    known = engine.emit(workflow)  # what it refuses is neither kept nor pushed
    written = [output] if output else []
    if folder is not None:
        written += [folder / name for name in files(known)]
    if push:
        store = project.shared(project.store_url(engine, writing=True), create=True)
    else:
        store = project.store(create=True)
    asked = for_pods(project, workflow, chosen, store, tell)
    engine = project.backend(backend, environment=str(asked or ""))
    taken = take_source(
        project, store, workflow, tell, without=[each.absolute() for each in written]
    )
    refuse_named_credentials(workflow, taken.left_out, str(project.root))
    if push:
        tell("sending what the store lacks", 0, 0)
    store.share([taken.digest])
    notebook = (project.root / workflow.source.notebook).read_bytes()
    store.create(names.notebook(workflow.source.digest), notebook)
    store.put(workflow.to_json().encode())
    return engine.emit(replace(workflow, source=replace(workflow.source, snapshot=taken.digest)))
