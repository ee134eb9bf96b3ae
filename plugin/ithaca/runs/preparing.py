"""From a notebook to a prepared workflow: compile, check, environment, source, shared plan."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.compiling.compile import compile as compile_notebook
from ithaca.errors import UsageError
from ithaca.model import workflow as model
from ithaca.model.run import RunDocument
from ithaca.notebook.root import is_everything, project_root
from ithaca.planning.keys import Known, reuse_filter
from ithaca.planning.plan import plan
from ithaca.runs.environment import Environments, InPods, for_pods, here, setting
from ithaca.runs.launch import Preparation
from ithaca.runs.project import Project, find_project
from ithaca.runs.secrets import refuse_named_credentials
from ithaca.runs.source import take_source
from ithaca.runs.workflow import Workflow, located

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ithaca.backends import Backend
    from ithaca.settings import Settings
    from ithaca.store import Store

    Report = Callable[[str, int, int], None]


def prepare(
    workflow: Workflow | model.Workflow | str | Path,
    *,
    flags: Mapping[str, Any] | None = None,
    root: str | Path | None = None,
    progress: Report | None = None,
) -> Preparation:
    """Do everything for runs of a workflow that does not depend on their arguments.

    Args:
        workflow: What `compile` returned, a workflow that was read from JSON, or the path of a
            notebook.
        flags: Settings that this call overrides (`backend`, `python`, `environment`, `parallel`,
            `store`, `store_access`); None leaves a setting as it is.
        root: The project's root; by default that of the notebook.
        progress: Called with (what, files, bytes) as the work proceeds.

    Returns:
        The prepared workflow; each `launch` of it starts a run.

    Raises:
        NotebookError: The notebook cannot become a workflow.
        UsageError: A setting is wrong, or the interpreter cannot be used.
        StoreError: The store cannot be written, or the project is too large.
        BackendError: The backend cannot be reached.
    """
    report = progress or (lambda _what, _files, _bytes: None)
    ir, project = _located(workflow, root, flags)
    if root is None:
        _refuse_everything(project.root)
    notebook = _read_notebook(project.root / ir.source.notebook)
    backend = project.backend()
    notices = backend.check(ir, project.root)
    parallel = _parallel(project.settings)
    environments, store, url = _places(project, ir, backend, report)
    ignored = _reuse_ignore(project)
    taken = take_source(project, store, ir, report)
    refuse_named_credentials(ir, taken.left_out, str(project.root))
    report("looking up known results", 0, 0)
    counts = reuse_filter(store, ignored, cache=project.home / "cache")
    store.share([taken.digest])
    document = RunDocument(
        id="",
        created=0.0,
        workflow=store.put(ir.to_json().encode()),
        name=ir.name,
        arguments={},
        backend=backend.name,
        source=taken.digest,
        notebook=ir.source.notebook,
        root=str(project.root),
        python=environments.python,
        environment=environments.identity,
        environment_from=environments.source,
        parallel=parallel,
        reuse_ignore=ignored,
        merge_rules=project.settings.table("merge"),
        infrastructure_retries=_infrastructure_retries(project.settings),
        store=url,
        plan=(),
        notices=(*notices, *environments.notices, *taken.notices),
    )
    planned = plan(
        msgspec.structs.replace(ir, steps=shared_steps(ir)),
        store=store,
        arguments={},
        environment=environments.of,
        source=taken.digest,
        reuse_filter=counts,
    )
    known = {
        each.step: Known(execution=each.execution, run=each.reused_from or "")
        for each in planned
        if each.execution is not None
    }
    session = backend.session(project.home, store)
    return Preparation(
        ir, known, project, store, document, notebook, backend, session, environments, counts
    )


def shared_steps(workflow: model.Workflow) -> tuple[model.Step, ...]:
    """The steps that no parameter reaches: their result is the same in every launch.

    Args:
        workflow: The workflow.
    """
    found: dict[str, model.Step] = {}
    for step in workflow.steps:
        if not step.parameters and found.keys() >= {*step.needs}:
            found[step.name] = step
    return tuple(found.values())


def _located(
    workflow: Workflow | model.Workflow | str | Path,
    root: str | Path | None,
    flags: Mapping[str, Any] | None,
) -> tuple[model.Workflow, Project]:
    """The workflow itself, and the project that it belongs to."""
    if isinstance(workflow, model.Workflow):  # read from JSON: it names no folder
        ir = workflow
        place = root or project_root(Path.cwd() / ir.source.notebook)
    else:
        if not isinstance(workflow, Workflow):
            workflow = located(compile_notebook(Path(workflow)), Path(workflow))
        ir, place = workflow.ir, root or workflow.root
    return ir, find_project(place, flags)


def _places(
    project: Project, workflow: model.Workflow, backend: Backend, report: Report
) -> tuple[Environments, Store, str]:
    """What the steps import, the store that the runs are kept in, and its remote."""
    if not backend.remote:
        environments = here(project, workflow, backend.name, report)
        return environments, project.store(create=True), ""
    report("asking the store", 0, 0)
    chosen = setting(project, backend.name)
    url = project.store_url(backend, writing=True)
    store = project.shared(url, create=True)
    asked = for_pods(project, workflow, chosen, store, report)
    return InPods(store, backend, asked), store, url


def _refuse_everything(root: Path) -> None:
    """Refuse to take the user's whole home folder, or the whole disk, for one project."""
    if is_everything(root) and not (root / ".git").exists():
        raise UsageError(
            "ITH914",
            "the notebook lies in your home folder or in `/`, so a run would take in everything "
            "in there",
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
            f"cannot read the workflow's notebook: {error.strerror}",
            where=str(path),
            cure="name the project's root: `ithaca.run(workflow, root=…)`",
        ) from None


def _reuse_ignore(project: Project) -> tuple[str, ...]:
    """Patterns of the files that count in no key: `[tool.ithaca.reuse] ignore`."""
    found = project.settings.table("reuse").get("ignore", [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise UsageError(
            "ITH903",
            f"the setting `reuse.ignore` must be a list of patterns (got {found!r})",
            cure='write it as in `ignore = ["*.md", "docs/"]` under [tool.ithaca.reuse]',
        )
    return tuple(found)


def _infrastructure_retries(settings: Settings) -> int:
    wanted = settings.number("infrastructure_retries", 2)
    if wanted < 0:
        raise UsageError(
            "ITH903",
            f"the setting `infrastructure_retries` must be at least 0 (got {wanted})",
            cure="set it to 0 to count every failed attempt against `retry:N`",
        )
    return wanted


def _parallel(settings: Settings) -> int:
    from ithaca.backends.local.admission import cores

    wanted = settings.number("parallel", cores())
    if wanted < 1:
        raise UsageError(
            "ITH909",
            f"--parallel must be at least 1 (got {wanted})",
            cure="leave it out to run as many steps at once as there are cores",
        )
    return wanted
