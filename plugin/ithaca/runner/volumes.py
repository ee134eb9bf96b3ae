"""Volumes on this machine: data that is mounted for a step and not part of its snapshots.

In a pod the engine mounts them. Here a volume with a `path` is bound over its mount path, in the
root or over an existing folder; one with a `claim` belongs to a cluster and is not mounted.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from ithaca.errors import UsageError
from ithaca.store.snapshots.ignore import literal

if TYPE_CHECKING:
    from ithaca.model.workflow import Volume, Workflow

POD_ROOT = PurePosixPath("/project")
"""The root's path in pods: a mount path below it is the same place below the root here."""


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that a step sees at another path.

    Attributes:
        source: Its absolute path.
        target: Where the step sees it: relative to the root when inside of it, else absolute.
        read_only: Whether the step can only read it.
    """

    source: str
    target: str
    read_only: bool = True


def mounts(workflow: Workflow, root: Path) -> tuple[Mount, ...]:
    """The mounts for the steps of a workflow.

    Args:
        workflow: The workflow.
        root: Its root on this machine.

    Returns:
        The mounts, outer ones first; a volume whose mount path is its own path needs none.
    """
    found = []
    for volume in workflow.volumes:
        if volume.path is None:
            continue
        source = _source(volume, root)
        target = _inside(volume.mount_path, root) or volume.mount_path
        if Path(target).is_absolute() and Path(target).resolve() == source.resolve():
            continue
        found.append(Mount(source=str(source), target=target, read_only=volume.read_only))
    return tuple(sorted(found, key=lambda each: (each.target.count("/"), each.target)))


def left_out(workflow: Workflow, root: Path) -> list[str]:
    """Patterns (gitignore syntax) of files that belong to volumes and so to no snapshot.

    Args:
        workflow: The workflow.
        root: Its root.
    """
    paths = [volume.mount_path for volume in workflow.volumes]
    paths += [str(_source(volume, root)) for volume in workflow.volumes if volume.path is not None]
    inside = {place for path in paths if (place := _inside(path, root)) is not None}
    return sorted(literal(place) for place in inside)


def check(workflow: Workflow, root: Path) -> tuple[str, ...]:
    """Check that the volumes can be mounted on this machine.

    Args:
        workflow: The workflow.
        root: Its root.

    Returns:
        Notices of the volumes that are not mounted.

    Raises:
        UsageError: A volume's path or mount path does not exist.
    """
    return tuple(
        f"the volume {volume.name} is a claim of a cluster and not mounted on this machine: steps "
        f"see this machine's own {volume.mount_path}"
        for volume in workflow.volumes
        if not _is_mounted(volume, root)
    )


def _is_mounted(volume: Volume, root: Path) -> bool:
    if volume.path is None:
        return False
    where = f"volume {volume.name}"
    source = _source(volume, root)
    if not source.is_dir():
        raise UsageError(
            "ITH626",
            f"its path {source} is not a folder on this machine",
            where=where,
            cure="create it, or correct `path` in the notebook's metadata (relative to the "
            "project's root)",
        )
    inside = _inside(volume.mount_path, root)
    if inside == "." or (inside is None and not Path(volume.mount_path).is_dir()):
        raise UsageError(
            "ITH627",
            f"it cannot be mounted at {volume.mount_path}: there is no such folder on this machine"
            if inside is None
            else "it cannot be mounted over the whole project",
            where=where,
            cure=f"create the folder, or mount it below {POD_ROOT}, which is the project's root in "
            "every step",
        )
    return True


def _source(volume: Volume, root: Path) -> Path:
    return root / Path(volume.path or "").expanduser()


def _inside(path: str, root: Path) -> str | None:
    """A path's place below the root, `.` for the root itself; None when it is elsewhere."""
    for base in (root, root.resolve(), POD_ROOT):
        if PurePosixPath(path).is_relative_to(base):
            return PurePosixPath(path).relative_to(base).as_posix()
    return None
