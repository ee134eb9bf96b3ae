"""The code that runs inside the user's kernel, and its installation.

`ithaca_kernel` is a small pure-Python package (Python 3.9 or newer, standard library only) that
loads and saves the values of a step. It imports nothing of Ithaca, because the user's environment
may not have it. `install` copies it, with a private copy of cloudpickle, to a folder that the
runner puts on the kernel's path. Its output is part of the step's after snapshot, and
`ithaca.values` reads it without loading anything.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

__all__ = ["install"]


def install(target: Path) -> Path:
    """Copy `ithaca_kernel` to a folder for the kernel's `PYTHONPATH`.

    Does not use the user's own cloudpickle: the copy is `ithaca_kernel._cloudpickle`, and pickles
    refer to it by that name.

    Args:
        target: The folder; created if missing. Replaces the files of an earlier copy.

    Returns:
        The folder to put on `PYTHONPATH`, which is `target`.

    Example:
        >>> import tempfile
        >>> folder = install(Path(tempfile.mkdtemp()))
        >>> (folder / "ithaca_kernel" / "__init__.py").exists()
        True
    """
    package = target / "ithaca_kernel"
    _copy_sources(Path(__file__).parent / "ithaca_kernel", package)
    _copy_sources(_cloudpickle(), package / "_cloudpickle")
    return target


def _cloudpickle() -> Path:
    found = importlib.util.find_spec("cloudpickle")
    if found is None or found.origin is None:  # a declared dependency: only a broken install
        raise ModuleNotFoundError("cloudpickle is missing from Ithaca's own environment")
    return Path(found.origin).parent


def _copy_sources(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    # The bytecode saves each kernel the compiling; it holds while the modules keep their times.
    for file in sorted((*source.glob("*.py"), *source.glob("__pycache__/*.pyc"))):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, copy)
        os.utime(copy, ns=(0, file.stat().st_mtime_ns))
