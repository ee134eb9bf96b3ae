"""The project root: the folder whose files a run sees, and in which `.ithaca` lies."""

from __future__ import annotations

import os
from pathlib import Path

HOME_NAME = ".ithaca"
"""The folder that Ithaca makes in a root, and by which it finds the root again."""


def project_root(notebook: Path | str) -> Path:
    """The one rule for every command: git's root, else the nearest `.ithaca`, else the folder.

    Args:
        notebook: Path of the notebook; it need not exist. For a command that names none: of any
            file in the working directory.

    Returns:
        The nearest folder above the notebook that holds `.git`; else the nearest that holds an
        `.ithaca` folder of the user's (neither the user's home nor `/`); else the notebook's own.
        An absolute path. Symbolic links are kept, so that paths read as the user wrote them.
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
    """Whether a folder is the user's home or `/`: it holds far more than one project.

    Args:
        folder: An absolute path.
    """
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - Path.home() fails where there is none
    return folder.parent == folder or (
        home.is_absolute() and home.exists() and folder.exists() and folder.samefile(home)
    )


def is_own(folder: Path) -> bool:
    """Whether it is a folder of the user's; what others put into `/tmp` makes no root of it."""
    try:
        return folder.is_dir() and folder.stat().st_uid == os.getuid()
    except OSError:
        return False
