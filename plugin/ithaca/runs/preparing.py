"""From a notebook to a prepared workflow: compile, check, environment, source, shared plan.

`run` launches one run of it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.errors import UsageError
from ithaca.model import workflow as model
from ithaca.model.run import RunDocument
from ithaca.notebook.root import is_everything
from ithaca.planning.keys import Known, reuse_filter
from ithaca.runs.environment import Environments, InPods, for_pods, here, interpreter, setting
from ithaca.runs.launch import Preparation, check_arguments
from ithaca.runs.project import Project, find_project
from ithaca.runs.secrets import refuse_named_credentials
from ithaca.runs.source import take_source
from ithaca.runs.submission import new_run
from ithaca.runs.workflow import Workflow, compile, located  # noqa: A004 - the public name
from ithaca.settings import wrong_setting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ithaca.backends import Backend
    from ithaca.runs.handle import Run
    from ithaca.settings import Settings
    from ithaca.store import Store

    Report = Callable[[str, int, int], None]


def prepare(
    workflow: Workflow | model.Workflow | str | Path,
    *,
    backend: str | None = None,
    python: str | Path | None = None,
    environment: str | None = None,
    parallel: int | None = None,
    store: str | None = None,
    store_access: str | None = None,
    root: str | Path | None = None,
    progress: Report | None = None,
) -> Preparation:
    """Prepare a workflow once, to launch many runs of it.

    The project's files, the environment and the notebook are recorded now; each launch reads none
    of them again.

    Args:
        workflow: What `compile` returned, or the path of a notebook.
        backend: As in `run`.
        python: As in `run`.
        environment: As in `run`.
        parallel: As in `run`.
        store: As in `run`.
        store_access: As in `run`.
        root: As in `run`.
        progress: Called with (what, files, bytes) as the work proceeds.

    Returns:
        The prepared workflow, with `launch`.

    Raises:
        NotebookError: The notebook cannot become a workflow.
        UsageError: A setting is wrong, or the interpreter cannot be used.
        StoreError: The store cannot be written, or the project is too large.
        BackendError: The backend cannot be reached.

    Example:
        >>> prepared = prepare("train.ipynb", backend="argo")  # doctest: +SKIP
        >>> runs = [prepared.launch({"lr": lr}) for lr in (0.1, 0.01)]  # doctest: +SKIP
    """
    flags = {
        "backend": backend,
        "python": python,
        "environment": environment,
        "parallel": parallel,
        "store": store,
        "store_access": store_access,
    }
    found = locate(workflow, root)
    project = find_project(found.root, flags)
    if root is None:
        _refuse_everything(project.root)
    return _prepared(found.ir, project, progress or (lambda _what, _files, _bytes: None))


def _prepared(ir: model.Workflow, project: Project, report: Report) -> Preparation:
    """Everything for runs of a workflow that does not depend on their arguments."""
    notebook = _read_notebook(project.root / ir.source.notebook)
    backend = project.backend()
    notices = backend.check(ir, project.root)
    parallel = _parallel(project.settings)
    environments, store, url = _places(project, ir, backend, report)
    ignored = _reuse_ignore(project)
    taken = take_source(project, store, ir, report)
    refuse_named_credentials(ir, taken.left_out, str(project.root))
    report("looking up known results", 0, 0)
    files = reuse_filter(store, ignored, cache=project.home / "cache")
    store.share([taken.digest])
    document = RunDocument(
        id="",
        created=0.0,
        workflow=store.put(ir.to_json().encode()),
        name=ir.name,
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
        notices=(*notices, *environments.notices, *taken.notices),
    )
    shared = msgspec.structs.replace(ir, steps=shared_steps(ir))
    plan = new_run(document, shared, store, environments, None, files).plan
    known = {
        each.step: Known(execution=each.execution, run=each.reused_from or "")
        for each in plan
        if each.execution is not None
    }
    session = backend.session(project.home, store)
    return Preparation(
        ir, known, project, store, document, notebook, backend, session, environments, files
    )


def run(
    workflow: Workflow | model.Workflow | str | Path,
    parameters: Mapping[str, Any] | None = None,
    *,
    backend: str | None = None,
    python: str | Path | None = None,
    environment: str | None = None,
    parallel: int | None = None,
    store: str | None = None,
    store_access: str | None = None,
    reuse: bool = True,
    root: str | Path | None = None,
    wait: bool = False,
) -> Run:
    """Run a workflow.

    The run continues when this process ends. Steps whose result is known are not run again.

    Args:
        workflow: What `compile` returned, a workflow read from JSON, or the path of a notebook.
        parameters: Values of parameters by name; the others keep their defaults.
        backend: What runs it; `local` unless the project's settings name another.
        python: Interpreter of the kernels; by default that of the notebook's kernel.
        environment: What steps import: `image` (the default: that of the image or of this
            machine), `lock`, `lock:FILE` or `capture`.
        parallel: How many steps run at once; by default as many as there are cores.
        store: URL of the remote that a run on a cluster is kept on.
        store_access: `write`, `read` or `none`: what may be done with remotes of the store.
        reuse: False to run every step even when its result is known.
        root: The project's root; by default that of the notebook.
        wait: Return only when the run has ended.

    Returns:
        The run.

    Raises:
        NotebookError: The notebook cannot become a workflow.
        UsageError: A parameter is unknown or has another type, or a setting is wrong.
        StoreError: The store cannot be written, or the project is too large.
        BackendError: The backend cannot be reached.

    Example:
        >>> run("train.ipynb", {"lr": 0.01}).wait().metrics  # doctest: +SKIP
        {'loss': 0.12}
    """
    found = locate(workflow, root)
    arguments = check_arguments(found.ir, parameters or {})
    prepared = prepare(
        found,
        backend=backend,
        python=python,
        environment=environment,
        parallel=parallel,
        store=store,
        store_access=store_access,
        root=root,
    )
    launched = prepared.launch(arguments, reuse=reuse, explain=True)
    return launched.wait() if wait else launched


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


def locate(workflow: Workflow | model.Workflow | str | Path, root: str | Path | None) -> Workflow:
    """The workflow with its project: that of `root`, else that of its notebook."""
    if isinstance(workflow, model.Workflow):  # read from JSON: it names no folder
        workflow = located(workflow, Path.cwd() / workflow.source.notebook)
    elif not isinstance(workflow, Workflow):
        workflow = compile(workflow)
    return replace(workflow, root=Path(root)) if root else workflow


def _places(
    project: Project, workflow: model.Workflow, backend: Backend, report: Report
) -> tuple[Environments, Store, str]:
    """What the steps import, the store that the runs are kept in, and its remote."""
    chosen = setting(project, backend.name)
    if not backend.remote:
        environments = here(project, chosen, interpreter(project, workflow), report)
        return environments, project.store(create=True), ""
    report("asking the store", 0, 0)
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
        cure = 'write it as in `ignore = ["*.md", "docs/"]` under [tool.ithaca.reuse]'
        raise wrong_setting("reuse.ignore", "a list of patterns", found, cure)
    return tuple(found)


def _infrastructure_retries(settings: Settings) -> int:
    wanted = settings.number("infrastructure_retries", 2)
    if wanted < 0:
        cure = "set it to 0 to count every failed attempt against `retry:N`"
        raise wrong_setting("infrastructure_retries", "at least 0", wanted, cure)
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
