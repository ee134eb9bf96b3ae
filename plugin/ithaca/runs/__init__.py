"""Starting and observing runs: what `import ithaca` and the command line call.

`project` finds a project's root, settings and store. `preparing` turns a notebook into a
`Preparation`: compiled, checked, with its environment and source snapshot; `launch` starts runs of
it, `submission` writes them down and hands them to a backend. `observe` reads how a run stands and
never writes; `handle` is the `Run` that users hold. The room may import every other one but the
command line; the tuner, servers and pages import it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ithaca.compiling.compile import Checked
    from ithaca.model import workflow as model
    from ithaca.runs.handle import Run as Run
    from ithaca.runs.launch import Preparation as Preparation
    from ithaca.runs.project import Project as Project
    from ithaca.runs.workflow import Workflow as Workflow

__all__ = [
    "Preparation",
    "Project",
    "Run",
    "Workflow",
    "check",
    "compile",
    "open_run",
    "prepare",
    "run",
]

_HOMES = {"Preparation": "launch", "Project": "project", "Run": "handle", "Workflow": "workflow"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def check(notebook: str | Path) -> Checked:
    """Find everything that is wrong with a notebook.

    Args:
        notebook: Path of the notebook.

    Returns:
        All diagnostics, and the workflow when none of them is an error.

    Example:
        >>> check("train.ipynb").diagnostics  # doctest: +SKIP
        ()
    """
    from pathlib import Path

    from ithaca.compiling.compile import check as check_notebook

    return check_notebook(Path(notebook))


def compile(notebook: str | Path) -> Workflow:  # noqa: A001 - the public name is ithaca.compile
    """Turn a notebook into a workflow.

    Args:
        notebook: Path of the notebook.

    Returns:
        The workflow, frozen, together with the root of its project; `to_json()` gives the same
        bytes on every machine.

    Raises:
        NotebookError: Something is wrong with the notebook; it carries every diagnostic.

    Example:
        >>> compile("train.ipynb").steps[0].name  # doctest: +SKIP
        'load'
    """
    from pathlib import Path

    from ithaca.compiling.compile import compile as compile_notebook
    from ithaca.runs.workflow import located

    return located(compile_notebook(Path(notebook)), Path(notebook))


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
    from ithaca.runs.preparing import prepare

    flags = {
        "backend": backend,
        "python": python,
        "environment": environment,
        "parallel": parallel,
        "store": store,
        "store_access": store_access,
    }
    return prepare(workflow, flags=flags, root=root)


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
    from ithaca.model import workflow as model
    from ithaca.runs.launch import check_arguments
    from ithaca.runs.workflow import Workflow

    if not isinstance(workflow, (Workflow, model.Workflow)):
        workflow = compile(workflow)
    ir = workflow.ir if isinstance(workflow, Workflow) else workflow
    arguments = check_arguments(ir, parameters or {})
    prepared = prepare(
        workflow,
        backend=backend,
        python=python,
        environment=environment,
        parallel=parallel,
        store=store,
        store_access=store_access,
        root=root,
    )
    found = prepared.launch(arguments, reuse=reuse, explain=True)
    return found.wait() if wait else found


def open_run(
    run: str = "latest",
    *,
    root: str | Path | None = None,
    store: str | None = None,
    store_access: str | None = None,
) -> Run:
    """Open a run of the project that the working directory belongs to.

    Args:
        run: Its id, the start of it, `latest`, or its URI.
        root: The project's root, when it is another.
        store: URL of a remote to look on as well.
        store_access: `write`, `read` or `none`: what may be done with remotes of the store.

    Raises:
        NotFound: There is no such run.
    """
    from ithaca.records.names import parse_reference
    from ithaca.runs.handle import open_run
    from ithaca.runs.project import find_project

    project = find_project(root, {"store": store, "store_access": store_access})
    return open_run(project, parse_reference(run).run)
