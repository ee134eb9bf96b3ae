"""Volumes on this machine: data that is mounted into a step's view and is in no snapshot.

In a pod the engine mounts them. Here a volume with a `path` is bound over its mount path, inside of
the root or over a folder that is there; one with a `claim` is a cluster's, and is not mounted.
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
"""The root's path in pods: a mount path below it means the same place of the root here."""


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that a step sees at another place.

    Attributes:
        source: Its absolute path.
        target: Where it is seen: relative to the root when inside of it, else absolute.
        read_only: Whether it can only be read there.
    """

    source: str
    target: str
    read_only: bool = True


def mounts(workflow: Workflow, root: Path) -> tuple[Mount, ...]:
    """What is mounted for the steps of a workflow.

    Args:
        workflow: The workflow.
        root: Its root on this machine.

    Returns:
        Outer ones first; a volume whose mount path is its own path needs none.
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
    """Patterns, gitignore's syntax, of what belongs to volumes and so to no snapshot.

    Args:
        workflow: The workflow.
        root: Its root.
    """
    paths = [volume.mount_path for volume in workflow.volumes]
    paths += [str(_source(volume, root)) for volume in workflow.volumes if volume.path is not None]
    inside = {place for path in paths if (place := _inside(path, root)) is not None}
    return sorted(literal(place) for place in inside)


def check(workflow: Workflow, root: Path) -> tuple[str, ...]:
    """Refuse volumes that cannot be mounted on this machine.

    Args:
        workflow: The workflow.
        root: Its root.

    Returns:
        Notices of the volumes that are not mounted.

    Raises:
        UsageError: A volume's path or mount path is not there.
    """
    return tuple(
        f"the volume {volume.name} is a claim of a cluster and is not mounted on this machine: "
        f"steps see at {volume.mount_path} what is there"
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
            f"its path {source} is no folder on this machine",
            where=where,
            cure="make it, or correct `path` in the notebook's metadata (a relative one is taken "
            "from the project's root)",
        )
    inside = _inside(volume.mount_path, root)
    if inside == "." or (inside is None and not Path(volume.mount_path).is_dir()):
        raise UsageError(
            "ITH627",
            f"there is no folder {volume.mount_path} on this machine that it could be mounted at"
            if inside is None
            else "it cannot be mounted over the whole project",
            where=where,
            cure=f"make the folder, or mount it below {POD_ROOT}, which is the project's root in "
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
