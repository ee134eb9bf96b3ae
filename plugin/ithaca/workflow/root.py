"""The project root: the folder whose files a run sees."""

from __future__ import annotations

import os
from pathlib import Path


def project_root(notebook: Path | str) -> Path:
    """The folder of the git repository that holds a notebook, else the notebook's own folder.

    Args:
        notebook: Path of the notebook; it need not exist.

    Returns:
        An absolute path. Symbolic links are kept, so that paths read as the user wrote them.
    """
    folder = Path(os.path.abspath(notebook)).parent  # noqa: PTH100 - resolve() would follow links
    for candidate in (folder, *folder.parents):
        # A file in a linked worktree or submodule, a folder otherwise.
        if (candidate / ".git").exists():
            return candidate
    return folder
