"""Compiling a notebook into a workflow that knows the project that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.notebook.root import project_root

if TYPE_CHECKING:
    from ithaca.compiling.compile import Checked
    from ithaca.model import workflow as model


@dataclass(frozen=True)
class Workflow:
    """A workflow and its project, as `ithaca.compile` returns it.

    Attributes:
        ir: The backend-neutral workflow; it holds no path of this machine.
        root: The project's root: the folder whose files a run sees.

    Example:
        >>> workflow = ithaca.compile("train.ipynb")  # doctest: +SKIP
        >>> [step.name for step in workflow.steps]  # doctest: +SKIP
        ['load', 'train']
    """

    ir: model.Workflow
    root: Path

    def __repr__(self) -> str:
        return f"<ithaca.Workflow {self.name}: {len(self.steps)} steps>"

    def _repr_html_(self) -> str:
        """The steps as a graph and a table, for notebooks."""
        from ithaca.runs.html import workflow_html

        return workflow_html(self.ir)

    @property
    def name(self) -> str:
        """Its name."""
        return self.ir.name

    @property
    def steps(self) -> tuple[model.Step, ...]:
        """Its steps, in workflow order."""
        return self.ir.steps

    @property
    def parameters(self) -> tuple[model.Parameter, ...]:
        """Its parameters, with their types and defaults."""
        return self.ir.parameters

    @property
    def metrics(self) -> tuple[model.Metric, ...]:
        """What its steps publish."""
        return self.ir.metrics

    @property
    def digest(self) -> str:
        """Digest of `to_json()`."""
        return self.ir.digest

    def to_json(self) -> str:
        """The workflow as JSON: the same bytes on every machine."""
        return self.ir.to_json()


def located(ir: model.Workflow, notebook: Path) -> Workflow:
    """A workflow that was compiled from a notebook, with the notebook's project.

    Args:
        ir: The workflow.
        notebook: Path of the notebook.
    """
    return Workflow(ir, project_root(notebook))


def check(notebook: str | Path) -> Checked:
    """Find everything that is wrong with a notebook.

    Args:
        notebook: Path of the notebook.

    Returns:
        All diagnostics, and the workflow when none of them is an error.

    Example:
        >>> check("train.ipynb").diagnostics  # doctest: +SKIP
        ()
    """
    from ithaca.compiling.compile import check as check_notebook

    return check_notebook(Path(notebook))


def compile(notebook: str | Path) -> Workflow:  # noqa: A001 - the public name is ithaca.compile
    """Turn a notebook into a workflow.

    Args:
        notebook: Path of the notebook.

    Returns:
        The workflow, frozen, together with the root of its project; `to_json()` gives the same
        bytes on every machine.

    Raises:
        NotebookError: Something is wrong with the notebook; it carries every diagnostic.

    Example:
        >>> compile("train.ipynb").steps[0].name  # doctest: +SKIP
        'load'
    """
    from ithaca.compiling.compile import compile as compile_notebook

    return located(compile_notebook(Path(notebook)), Path(notebook))
