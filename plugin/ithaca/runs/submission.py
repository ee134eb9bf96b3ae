"""From a notebook and arguments to a run that is written down and handed to a backend."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from ulid import ULID

from ithaca.compiling.arguments import complete_arguments, parse_arguments
from ithaca.errors import UsageError
from ithaca.model.run import RunDocument
from ithaca.model.workflow import Workflow
from ithaca.notebook.root import is_everything
from ithaca.planning.keys import Known, reuse_filter
from ithaca.planning.plan import plan
from ithaca.planning.reused import write_planned
from ithaca.records import names
from ithaca.records.fold import ENDED, GOOD
from ithaca.records.journal import Journal
from ithaca.runner.environments.wanted import parse
from ithaca.runs.changes import changed_since
from ithaca.runs.environment import (
    Environments,
    InPods,
    for_pods,
    here,
    here_again,
    setting,
)
from ithaca.runs.handle import Run
from ithaca.runs.project import Project, find_project
from ithaca.runs.reasons import why_again
from ithaca.runs.roots import root_of
from ithaca.runs.secrets import refuse_named_credentials, refuse_secret_arguments
from ithaca.runs.source import take_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ithaca.settings import Settings
    from ithaca.store import Store


def submit(
    workflow: Workflow | str | Path,
    parameters: Mapping[str, Any] | Sequence[str],
    *,
    flags: Mapping[str, Any],
    reuse: bool = True,
    root: str | Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Run:
    """Write a run down and start it.

    Args:
        workflow: A workflow, or the path of a notebook.
        parameters: Values of parameters by name, or `NAME=VALUE` texts.
        flags: Settings that this call overrides (`backend`, `python`, `environment`, `parallel`,
            `store`);
            None: not said.
        reuse: False to run every step.
        root: The project's root, when the workflow was not compiled by this process.
        progress: Told what is being done, and of how many files and bytes it was done already.
    """
    tell = progress or (lambda _what, _files, _bytes: None)
    if not isinstance(workflow, Workflow):
        from ithaca.runs import compile as compile_notebook

        workflow = compile_notebook(workflow)
    project = find_project(root or root_of(workflow), flags)
    if root is None:
        _refuse_everything(project.root)
    notebook = _read_notebook(project.root / workflow.source.notebook)
    backend = project.backend()
    notices = backend.check(workflow, project.root)
    arguments = _arguments(workflow, parameters)
    refuse_secret_arguments(workflow, arguments)
    parallel = _parallel(project.settings)
    environments: Environments
    if backend.remote:
        tell("asking the store", 0, 0)
        chosen = setting(project, backend.name)
        url = project.store_url(backend, writing=True)
        store = project.shared(url, create=True)
        asked = for_pods(project, workflow, chosen, store, tell)
        environments = InPods(store, backend, asked)
    else:
        environments = here(project, workflow, backend.name, tell)
        url, store = "", project.store(create=True)
    reuse_ignore = _reuse_ignore(project)
    taken = take_source(project, store, workflow, tell)
    refuse_named_credentials(workflow, taken.left_out, str(project.root))
    tell("looking up what is known", 0, 0)
    counts = reuse_filter(store, reuse_ignore, cache=project.home / "cache")
    document = RunDocument(
        id=str(ULID()),
        created=time.time(),
        workflow=store.put(workflow.to_json().encode()),
        name=workflow.name,
        arguments=arguments,
        backend=backend.name,
        source=taken.digest,
        notebook=workflow.source.notebook,
        root=str(project.root),
        python=environments.python,
        environment=environments.identity,
        environment_from=environments.source,
        parallel=parallel,
        reuse=reuse,
        reuse_ignore=reuse_ignore,
        merge_rules=project.settings.table("merge"),
        infrastructure_retries=_infrastructure_retries(project.settings),
        store=url,
        plan=plan(
            workflow,
            store=store,
            arguments=arguments,
            environment=environments.of,
            source=taken.digest,
            reuse=reuse,
            counts=counts,
        ),
        notices=(*notices, *environments.notices, *taken.notices),
    )
    again = why_again(store, workflow, document, counts)
    document = msgspec.structs.replace(document, notices=(*document.notices, *again))
    return _start(project, store, document, notebook)


def retry(run: Run) -> Run:
    """Start a new run that goes on from what succeeded in another.

    The recorded workflow, arguments, files and notebook are used, not those of today; only the
    environment is asked anew, because a missing library is what a retry often follows.
    """
    state, before, project = run.state(), run.journal.run(), run.project
    if state.status not in ENDED:
        raise UsageError(
            "ITH907",
            f"the run is {state.status}",
            where=f"run {run.id}",
            cure=f"wait for its end, or `ithaca runs cancel {run.id}`",
        )
    if state.status == "succeeded":
        raise UsageError("ITH907", "every step of the run succeeded", where=f"run {run.id}")
    if before.store:
        project.refuse_writing(before.store)
    workflow, store = run.journal.workflow(), run.store
    backend = project.backend(before.backend)
    environments: Environments
    if backend.remote:
        environments = InPods(store, backend, parse(before.environment_from))
    else:
        environments = here_again(project, before)
    pinned = {
        step.name: Known(execution=step.execution, run=step.reused_from or run.id)
        for step in state.steps
        if step.status in GOOD and step.execution is not None
    }
    document = msgspec.structs.replace(
        before,
        id=str(ULID()),
        created=time.time(),
        python=environments.python or before.python,
        environment=environments.identity,
        environment_from=environments.source,
        merge_rules=project.settings.table("merge"),
        retry_of=run.id,
        engine="",
        plan=plan(
            workflow,
            store=store,
            arguments=before.arguments,
            environment=environments.of,
            source=before.source,
            reuse=before.reuse,
            pinned=pinned,
            counts=reuse_filter(store, before.reuse_ignore, cache=project.home / "cache"),
        ),
        notices=changed_since(store, before, workflow),
    )
    return _start(project, store, document, store.read(names.run(run.id, "notebook")))


def _start(project: Project, store: Store, document: RunDocument, notebook: bytes) -> Run:
    backend = project.backend(document.backend)
    store.share([document.source])
    store.create(names.run(document.id, "notebook"), notebook)
    store.create(names.run(document.id), msgspec.json.encode(document))
    if backend.remote:
        write_planned(Journal(store, document.id))
    backend.session(project.home, store).submit(document.id)
    return Run(project, document.id)


def _refuse_everything(root: Path) -> None:
    """Refuse to take the user's whole home, or the whole disk, for one project."""
    if is_everything(root) and not (root / ".git").exists():
        raise UsageError(
            "ITH914",
            "the notebook lies in your home folder or in `/`, so that everything in there would "
            "be part of the run",
            where=str(root),
            cure="put the notebook and its files into a folder of their own, or make this folder "
            "a project with `git init`",
        )


def _read_notebook(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(
            "ITH908",
            f"the workflow's notebook cannot be read: {error.strerror}",
            where=str(path),
            cure="say where the project is: `ithaca.run(workflow, root=…)`",
        ) from None


def _arguments(workflow: Workflow, parameters: Mapping[str, Any] | Sequence[str]) -> dict[str, Any]:
    if not isinstance(parameters, Mapping):
        parameters = parse_arguments(parameters, workflow.parameters)
    return complete_arguments(parameters, workflow.parameters)


def _reuse_ignore(project: Project) -> tuple[str, ...]:
    """Patterns of the files that count in no key: `[tool.ithaca.reuse] ignore`."""
    found = project.settings.table("reuse").get("ignore", [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise UsageError(
            "ITH903",
            f"the setting `reuse.ignore` is no list of patterns: {found!r}",
            cure='write it as in `ignore = ["*.md", "docs/"]` under [tool.ithaca.reuse]',
        )
    return tuple(found)


def _infrastructure_retries(settings: Settings) -> int:
    wanted = settings.number("infrastructure_retries", 2)
    if wanted < 0:
        raise UsageError(
            "ITH903", f"the setting `infrastructure_retries` is less than nothing: {wanted}"
        )
    return wanted


def _parallel(settings: Settings) -> int:
    from ithaca.backends.local.admission import cores

    wanted = settings.number("parallel", cores())
    if wanted < 1:
        raise UsageError("ITH909", f"at least one step must run at once, not {wanted}")
    return wanted
