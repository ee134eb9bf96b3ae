"""What runs inside the user's kernel, and how it gets there.

`ithaca_kernel` is the small pure-Python package (Python 3.9 or newer, standard library only) that
loads and saves the values of a step. It imports nothing of Ithaca, because the user's environment
does not have it; `install` copies it, with the cloudpickle of Ithaca's own environment under a
private name, to a folder that the runner puts on the kernel's path. What it writes is read by
`ithaca.values` without loading anything, and travels on inside the step's after snapshot.
"""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

__all__ = ["install"]


def install(target: Path) -> Path:
    """Copy the kernel's side of Ithaca to a folder that goes on the kernel's `PYTHONPATH`.

    The user's own cloudpickle, if any, never matters: the copy is imported as
    `ithaca_kernel._cloudpickle`, and pickles refer to it by that name.

    Args:
        target: The folder; created when missing, files of an earlier copy are replaced.

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
    for module in sorted(source.glob("*.py")):
        shutil.copyfile(module, target / module.name)
