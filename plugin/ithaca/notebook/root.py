"""The project root: the folder whose files a run sees, with the folder `.ithaca`."""

from __future__ import annotations

import os
from pathlib import Path

HOME_NAME = ".ithaca"
"""The folder that Ithaca creates in a root and by which it finds the root later."""


def project_root(notebook: Path | str) -> Path:
    """Find the project root for a notebook; every command uses this rule.

    Args:
        notebook: Path of the notebook, which need not exist. A command without a notebook passes
            any file in the working directory.

    Returns:
        The nearest folder above the notebook with `.git`; else the nearest with the user's
        `.ithaca` folder, but not the home folder or `/`; else the notebook's folder. The path is
        absolute and keeps symbolic links, so that messages show it as the user wrote it.
    """
    folder = Path(os.path.abspath(notebook)).parent  # noqa: PTH100 - resolve() would follow links
    above = (folder, *folder.parents)
    for candidate in above:
        # A file in a linked worktree or submodule, a folder otherwise.
        if (candidate / ".git").exists():
            return candidate
    for candidate in above:
        if is_own(candidate / HOME_NAME) and not is_everything(candidate):
            return candidate
    return folder


def is_everything(folder: Path) -> bool:
    """Whether a folder is the user's home or `/`, which hold more than one project.

    Args:
        folder: An absolute path.
    """
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() fails without a home
    return folder.parent == folder or (
        home.is_absolute() and home.exists() and folder.exists() and folder.samefile(home)
    )


def is_own(folder: Path) -> bool:
    """Whether a folder belongs to the user; an `.ithaca` of others in `/tmp` does not count."""
    try:
        return folder.is_dir() and folder.stat().st_uid == os.getuid()
    except OSError:
        return False
