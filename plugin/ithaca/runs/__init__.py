"""Starting and observing runs: what `import ithaca` and the command line call.

`project` finds a project's root, settings and store. `preparing` turns a notebook into a
`Preparation`: compiled, checked, with its environment and source snapshot; `launch` starts runs of
it, `submission` writes them down and hands them to a backend. `observe` reads how a run stands and
never writes; `handle` is the `Run` that users hold. The room may import every other one but the
command line; the tuner, servers and pages import it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from ithaca.runs.handle import Run as Run
    from ithaca.runs.launch import Preparation as Preparation
    from ithaca.runs.preparing import prepare as prepare
    from ithaca.runs.preparing import run as run
    from ithaca.runs.project import Project as Project
    from ithaca.runs.workflow import Workflow as Workflow
    from ithaca.runs.workflow import check as check
    from ithaca.runs.workflow import compile as compile  # noqa: A004 - the public name

_HOMES = {
    "Preparation": "launch",
    "Project": "project",
    "Run": "handle",
    **dict.fromkeys(("prepare", "run"), "preparing"),
    **dict.fromkeys(("Workflow", "check", "compile"), "workflow"),
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


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
