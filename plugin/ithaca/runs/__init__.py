"""The Python interface: what the command line calls too.

`project` finds a project's root, settings and store; `submission` turns a notebook into a run
that is written down and handed to a backend; `handle` is the `Run` that comes back. The room may
import every other one but the command line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ithaca.compiling.compile import Checked
    from ithaca.model.workflow import Workflow
    from ithaca.runs.handle import Run as Run
    from ithaca.runs.project import Project as Project

__all__ = ["Project", "Run", "check", "compile", "open_run", "run"]


def __getattr__(name: str) -> object:
    if name == "Run":
        from ithaca.runs.handle import Run

        return Run
    if name == "Project":
        from ithaca.runs.project import Project

        return Project
    raise AttributeError(name)


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
        The workflow, frozen; `to_json()` gives the same bytes everywhere.

    Raises:
        NotebookError: Something is wrong with the notebook; it carries every diagnostic.

    Example:
        >>> compile("train.ipynb").steps[0].name  # doctest: +SKIP
        'load'
    """
    from pathlib import Path

    from ithaca.compiling.compile import compile as compile_notebook
    from ithaca.runs.roots import remember_root

    workflow = compile_notebook(Path(notebook))
    remember_root(workflow, Path(notebook))
    return workflow


def run(
    workflow: Workflow | str | Path,
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

    The run goes on by itself when this process ends. Steps whose result is known are not run
    again.

    Args:
        workflow: A workflow, or the path of a notebook.
        parameters: Values of parameters by name; the others keep their defaults.
        backend: What runs it; `local` unless the project's settings say otherwise.
        python: Interpreter of the kernels; by default that of the notebook's kernel.
        environment: What steps import: `image` (by default: of the image or of this machine),
            `lock`, `lock:FILE` or `capture`.
        parallel: How many steps run at once; by default as many as there are cores.
        store: URL of the remote that a run on a cluster is kept on.
        store_access: `write`, `read` or `none`: what may be done with remotes of the store.
        reuse: False to run every step even when its result is known.
        root: The project's root, when the workflow was not compiled by this process.
        wait: Return only when the run has ended.

    Returns:
        The run.

    Raises:
        NotebookError: The notebook cannot become a workflow.
        UsageError: A parameter is unknown or has another type, or the interpreter will not do.
        StoreError: The store cannot be written, or the project is too large to be snapshotted.
        BackendError: The backend cannot be reached.

    Example:
        >>> run("train.ipynb", {"lr": 0.01}).wait().metrics  # doctest: +SKIP
        {'loss': 0.12}
    """
    from ithaca.runs.submission import submit

    found = submit(
        workflow,
        parameters or {},
        flags={
            "backend": backend,
            "python": python,
            "environment": environment,
            "parallel": parallel,
            "store": store,
            "store_access": store_access,
        },
        reuse=reuse,
        root=root,
    )
    return found.wait() if wait else found


def open_run(
    run: str = "latest",
    *,
    root: str | Path | None = None,
    store: str | None = None,
    store_access: str | None = None,
) -> Run:
    """A run of the project that the working directory belongs to.

    Args:
        run: Its id, the start of it, `latest`, or its URI.
        root: The project's root, when it is another.
        store: URL of the remote to look on as well.
        store_access: `write`, `read` or `none`: what may be done with remotes of the store.

    Raises:
        NotFound: There is no such run.
    """
    from ithaca.records.names import parse_reference
    from ithaca.runs.project import find_project

    project = find_project(root, {"store": store, "store_access": store_access})
    return project.run(parse_reference(run).run)
