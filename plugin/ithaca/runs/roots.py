"""Where the workflows that this process compiled came from; the IR itself holds no path."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.notebook.root import project_root

if TYPE_CHECKING:
    from ithaca.model.workflow import Source, Workflow

_roots: dict[Source, Path] = {}


def remember_root(workflow: Workflow, notebook: Path) -> None:
    """Remember where a workflow's project is, so that it can be run without saying it again."""
    _roots[workflow.source] = project_root(notebook)


def root_of(workflow: Workflow) -> Path:
    """The project of a workflow: where it was compiled, else that of the working directory."""
    return _roots.get(workflow.source) or project_root(Path.cwd() / workflow.source.notebook)
