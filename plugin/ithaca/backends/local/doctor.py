"""Checks of this machine: what it has, and where runs are stored."""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import TYPE_CHECKING, Any

from ithaca.backends.local import admission
from ithaca.backends.protocol import Check
from ithaca.errors import IthacaError, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

_GIB = 1024.0**3

LITTLE, TOO_LITTLE = 2.0, 0.1
"""GiB of free space below which a run may not fit, and below which none does."""


def examine(
    settings: Mapping[str, Any], root: Path, home: Path, report: Callable[[str], None]
) -> Iterator[Check]:
    """Check this machine.

    Args:
        settings: `[tool.ithaca.local]`.
        root: The project's root.
        home: Ithaca's own folder.
        report: Called with what is being done.

    Yields:
        Each check.
    """
    yield _machine(settings)
    report("trying a step's private view")
    yield _view(root)
    yield _room(home)
    yield _temporary()
    yield _store(home)


def _machine(settings: Mapping[str, Any]) -> Check:
    try:
        has = admission.machine(settings)
    except IthacaError as error:
        return Check("machine", "failed", error.message, error.cure)
    gpus = f", {has.gpu:.0f} GPUs" if has.gpu else ""
    return Check("machine", "ok", f"{has.cpu:g} cores, {has.memory / _GIB:.1f} GiB{gpus}")


def _view(root: Path) -> Check:
    from ithaca.runner.root import can_be_private

    if can_be_private(root):
        return Check("paths", "ok", f"each step sees its files at {root}")
    return Check(
        "paths",
        "warning",
        "this machine allows no user namespaces, so each step works in a different folder: an "
        "absolute path that one step stores does not exist for the next",
        "`sysctl -w user.max_user_namespaces=10000` (and, on Ubuntu, "
        "`kernel.apparmor_restrict_unprivileged_userns=0`); or use relative paths and ITHACA_ROOT",
    )


def _room(home: Path) -> Check:
    place = next(each for each in (home, *home.parents) if each.exists())
    cure = "free some space, or set ITHACA_HOME to another folder"
    if not os.access(place, os.W_OK | os.X_OK):
        return Check("folder", "failed", f"cannot write to {home}", cure)
    free = shutil.disk_usage(place).free / _GIB
    found = f"{home}: {free:.1f} GiB free"
    if free >= LITTLE:
        return Check("folder", "ok", found)
    return Check("folder", "warning" if free > TOO_LITTLE else "failed", found, cure)


def _temporary() -> Check:
    try:
        return Check("temporary files", "ok", tempfile.gettempdir())
    except FileNotFoundError:
        found = "there is no folder for temporary files, which kernels need for their sockets"
        return Check("temporary files", "failed", found, "set TMPDIR to one")


def _store(home: Path) -> Check:
    from ithaca.records.journal import list_runs
    from ithaca.store import LocalStore

    try:
        runs = list_runs(LocalStore.open(home / "store", create=False))
    except NotFound:
        return Check("store", "ok", "none yet: the first run creates it")
    except IthacaError as error:
        return Check("store", "failed", error.message, error.cure)
    found = f"{len(runs)} runs; `ithaca snapshots verify` reads every byte"
    return Check("store", "ok", found)
