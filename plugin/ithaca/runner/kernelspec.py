"""From the name of a kernelspec to the interpreter that it starts."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from ithaca.errors import UsageError


def resolve_kernel(name: str) -> Path:
    """The interpreter of a kernelspec.

    `python3`, the name that every fresh notebook carries, means the interpreter that runs Ithaca.

    Args:
        name: Name of an installed kernelspec.

    Returns:
        Path of the Python interpreter.

    Raises:
        UsageError: No such kernelspec (the known ones are listed), or it starts no ipykernel.
    """
    if name in ("", "python3", "python"):
        return Path(sys.executable)
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    manager = KernelSpecManager()
    try:
        spec = manager.get_kernel_spec(name)
    except (NoSuchKernel, OSError, ValueError) as error:
        known = ", ".join(sorted(manager.find_kernel_specs())) or "none"
        raise UsageError(
            "ITH534",
            f"there is no kernel `{name}`; installed are: {known}",
            cure="choose an interpreter with `--python`, or another kernel in the notebook",
        ) from error
    if spec.language.lower() != "python":
        raise UsageError(
            "ITH532",
            f"the kernel `{name}` runs {spec.language}; a workflow's notebook must be Python",
            cure="choose a Python kernel in the notebook, or an interpreter with `--python`",
        )
    command = list(spec.argv)
    if not any(part.startswith("ipykernel") for part in command):
        raise UsageError(
            "ITH532",
            f"the kernel `{name}` does not start ipykernel",
            cure="choose the interpreter itself with `--python`",
        )
    if command[0] in ("python", f"python{sys.version_info[0]}"):
        return Path(sys.executable)
    return Path(shutil.which(command[0]) or command[0])
