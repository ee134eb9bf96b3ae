"""Whether runs can be started: what every backend needs, then what the backend itself looks at."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

from ithaca.backends.protocol import Check
from ithaca.errors import BackendError, IthacaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ithaca.backends import Backend
    from ithaca.runs.project import Project


def examine(project: Project, tell: Callable[[str], None]) -> Iterator[Check]:
    """Look at everything that a run needs.

    Args:
        project: The project, with the backend that is set.
        tell: Told what is being waited for.

    Yields:
        Each thing that was looked at, when it is known.

    Raises:
        UsageError: There is no such backend, or a setting is wrong.
    """
    backend = project.backend()
    python = f"Python {platform.python_version()}"
    yield Check("Ithaca", "ok", f"{version('ithaca')}, {python}, backend {backend.name}")
    if backend.remote:
        yield _remote(project, backend, tell)
    else:
        tell("describing the environment")
        yield _kernel(project)
    try:
        yield from backend.doctor(project.root, project.home, tell)
    except BackendError as error:  # nothing more can be asked
        yield Check(backend.name, "failed", error.message, error.cure)


def _remote(project: Project, backend: Backend, tell: Callable[[str], None]) -> Check:
    """The store of runs on other machines, as it is seen from here."""
    from ithaca.store.remotes.looking import look

    what = "store, from here"
    if backend.settings.get("store_claim"):
        found = "a claim is reached by pods only: runs are started by `ithaca compile` and kubectl"
        return Check(what, "unknown", found)
    try:
        url = project.store_url(backend)
        tell("asking the store")
        there = look(url)
    except IthacaError as error:
        return Check(what, "failed", error.message, error.cure)
    return Check(what, "ok", url if there else f"{url}, where the first run makes a store")


def _kernel(project: Project) -> Check:
    """The interpreter of kernels: the one that is set, else that of fresh notebooks."""
    from ithaca.runner.environment import check_usable, describe, resolve_kernel

    told = project.settings.text("python")
    try:
        environment = describe(told or str(resolve_kernel("python3")))
        check_usable(environment)
    except IthacaError as error:
        return Check("kernel", "failed", error.message, error.cure)
    name = ".".join(map(str, environment.version))
    found = f"{environment.executable}: Python {name}, ipykernel {environment.ipykernel}"
    return Check("kernel", "ok", found)
