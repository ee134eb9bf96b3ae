"""The overlay: a virtual environment in the volume, on top of the user's own packages.

A step's kernel runs in it, so what a cell installs is in the volume, travels with the snapshot and
does not change the user's environment. Only installed packages are kept: the skeleton around them
is written after every restore and removed before a snapshot.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ithaca.runner.environment import Environment

FOLDER = ".ithaca-volume/environment"
_PTH = "_ithaca.pth"
_PIP = '#!/bin/sh\nexec "$(dirname "$0")/python" -m pip "$@"\n'
_CONFIG = "# written by ithaca for one step\n"


def write(root: Path, environment: Environment) -> None:
    """Write the skeleton.

    Args:
        root: The restored root of the step.
        environment: The user's interpreter.
    """
    overlay = root / FOLDER
    packages = write_skeleton(overlay, environment)
    lines = [f"import site; site.addsitedir({site!r})" for site in environment.sites]
    (packages / _PTH).write_text("\n".join(lines) + "\n", encoding="utf-8")
    programs = overlay / "bin"
    for name in commands(environment, "pip"):
        if not (programs / name).exists():  # a step may have installed its own pip
            (programs / name).write_text(_PIP, encoding="utf-8")
            (programs / name).chmod(0o755)


def write_skeleton(folder: Path, environment: Environment) -> Path:
    """Make a folder, which may hold files, a virtual environment of an interpreter.

    Args:
        folder: The virtual environment.
        environment: The interpreter, or a virtual environment of it.

    Returns:
        Its folder of packages.
    """
    packages = folder / environment.site_packages
    packages.mkdir(parents=True, exist_ok=True)
    if environment.platlib != "lib" and not (folder / environment.platlib).exists():
        (folder / environment.platlib).symlink_to("lib")
    (folder / "pyvenv.cfg").write_text(
        f"{_CONFIG}home = {Path(environment.base_executable).parent}\n"
        "include-system-site-packages = false\n"
        f"version = {'.'.join(map(str, environment.version))}\n",
        encoding="utf-8",
    )
    (folder / "bin").mkdir(exist_ok=True)
    for name in commands(environment):
        (folder / "bin" / name).unlink(missing_ok=True)
        (folder / "bin" / name).symlink_to(environment.base_executable)
    return packages


def remove(root: Path, environment: Environment) -> None:
    """Remove the skeleton; what a step installed stays."""
    overlay = root / FOLDER
    programs, packages = overlay / "bin", overlay / environment.site_packages
    ours = [packages / _PTH, *(programs / name for name in commands(environment))]
    pips = [programs / name for name in commands(environment, "pip")]
    ours += [path for path in pips if _starts(path, _PIP)]
    if _starts(overlay / "pyvenv.cfg", _CONFIG):
        ours.append(overlay / "pyvenv.cfg")
    if (overlay / environment.platlib).is_symlink():
        ours.append(overlay / environment.platlib)
    for path in ours:
        with contextlib.suppress(OSError):
            path.unlink()
    inner = (each for each in (packages, *packages.parents) if each.is_relative_to(overlay))
    for folder in (programs, *inner):
        with contextlib.suppress(OSError):  # not empty: a step installed something
            folder.rmdir()


def is_there(root: Path) -> bool:
    """Whether the skeleton that `write` made still exists."""
    return (root / FOLDER / "pyvenv.cfg").is_file()


def python(root: str) -> str:
    """The kernel's interpreter, under the root as the kernel sees it."""
    return os.path.join(root, FOLDER, "bin", "python")  # noqa: PTH118 - a path in another mount namespace


def commands(environment: Environment, command: str = "python") -> tuple[str, ...]:
    """Names of the interpreter, or of another command, in a virtual environment."""
    major, minor = environment.version[:2]
    return (command, f"{command}{major}", f"{command}{major}.{minor}")


def _starts(path: Path, text: str) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(text)) == text.encode()
    except OSError:
        return False
