"""Check that runs can start: what every backend needs, then the backend's own checks."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

from ithaca.backends.protocol import Check
from ithaca.errors import BackendError, IthacaError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ithaca.backends import Backend
    from ithaca.runs.project import Project

    Found = tuple[Literal["ok", "unknown"], str]


def examine(project: Project, report: Callable[[str], None]) -> Iterator[Check]:
    """Check everything that a run needs.

    Args:
        project: The project; its settings name the backend.
        report: Called with what the next check waits for.

    Yields:
        Each check when its result is known.

    Raises:
        UsageError: The backend is unknown, or a setting is wrong.
    """
    backend = project.backend()
    python = f"Python {platform.python_version()}"
    yield Check("Ithaca", "ok", f"{version('ithaca')}, {python}, backend {backend.name}")
    what, check = ("store, from here", _remote) if backend.remote else ("kernel", _kernel)
    try:
        status, found = check(project, backend, report)
        yield Check(what, status, found)
    except IthacaError as error:
        yield Check(what, "failed", error.message, error.cure)
    try:
        yield from backend.doctor(project.root, project.home, report)
    except BackendError as error:  # no further check is possible
        yield Check(backend.name, "failed", error.message, error.cure)


def _remote(project: Project, backend: Backend, report: Callable[[str], None]) -> Found:
    """The remote store, as seen from this machine."""
    from ithaca.store.remotes import Remote

    if backend.settings.get("store_claim"):
        found = "only pods can reach a claim; start runs with `ithaca compile` and kubectl"
        return "unknown", found
    url = project.store_url(backend)
    report("connecting to the store")
    return "ok", url if Remote.probe(url) else f"{url}: no store yet; the first run creates it"


def _kernel(project: Project, _backend: Backend, report: Callable[[str], None]) -> Found:
    """The Python interpreter of kernels: the configured one, else that of new notebooks."""
    from ithaca.runner.environment import check_usable, describe, resolve_kernel

    report("reading the environment")
    environment = describe(project.settings.text("python") or str(resolve_kernel("python3")))
    check_usable(environment)
    name = ".".join(map(str, environment.version))
    return "ok", f"{environment.executable}: Python {name}, ipykernel {environment.ipykernel}"
