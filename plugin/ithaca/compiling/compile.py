"""Compiles a notebook into a workflow, and checks it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ithaca.diagnostics import Diagnostic
from ithaca.errors import NotebookError
from ithaca.model.workflow import Resources, Source, Step, Workflow
from ithaca.notebook import RawNotebook, TaggedNotebook, TaggedStep, outline, read

if TYPE_CHECKING:
    from ithaca.analysis import AnalysedStep, Analysis

_ORDER_UNKNOWN = frozenset({"ITH112", "ITH113", "ITH114", "ITH120", "ITH121"})
"""Errors after which the order of steps is unknown."""

_CELLS_UNKNOWN = frozenset({"ITH130", "ITH131", "ITH132", "ITH133", "ITH134", "ITH135", "ITH136"})
"""Errors after which cells are missing, as after codes below ITH110 in an included notebook."""

_EACH_CELL = frozenset({"ITH201", "ITH301", "ITH302", "ITH311"})
"""Problems of a single cell: syntax errors, parameters and metrics."""


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """The result of `check`.

    Attributes:
        workflow: The workflow; None when a diagnostic is an error.
        diagnostics: All problems, by notebook, cell and line.
    """

    workflow: Workflow | None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The problems that stop `compile`."""
        return tuple(found for found in self.diagnostics if found.severity == "error")


def check(
    path: Path | str, *, root: Path | None = None, interpreter: Path | None = None
) -> Checked:
    """Find all problems of a notebook at once.

    Args:
        path: The notebook.
        root: The project root; by default the result of `project_root`.
        interpreter: The Python in which to look up star imports; by default the running one.

    Returns:
        The workflow, if there is no error, and all diagnostics.

    Raises:
        UsageError: The file does not exist or cannot be read.

    Example:
        >>> check("train.ipynb").diagnostics  # doctest: +SKIP
        ()
    """
    try:
        raw = read(Path(path), root=root, shown=str(path))
    except NotebookError as error:
        return Checked(workflow=None, diagnostics=error.diagnostics)
    tagged, found = outline(raw)
    workflow = None
    if tagged.steps:
        analysis = _analysed(tagged, found, raw.root, interpreter)
        found = [*found, *analysis.diagnostics]
        if not any(one.severity == "error" for one in found):
            workflow = _workflow(tagged, analysis)
    else:
        # Without steps, report only the problems of single cells.
        cells = tuple(cell for scope in tagged.scopes for cell in scope.untagged)
        every = TaggedStep(name="every", cells=cells)
        tagged = msgspec.structs.replace(tagged, steps=(every,))
        analysis = _analysed(tagged, found, raw.root, interpreter)
        found += [one for one in analysis.diagnostics if one.code in _EACH_CELL]
    return Checked(workflow=workflow, diagnostics=_sorted(raw, tagged, found))


def compile(  # noqa: A001 - what the command line and the API call it
    path: Path | str, *, root: Path | None = None, interpreter: Path | None = None
) -> Workflow:
    """Compile a notebook.

    Args:
        path: The notebook.
        root: The project root; by default the result of `project_root`.
        interpreter: The Python in which to look up star imports.

    Returns:
        The workflow; equal notebooks give equal bytes of JSON on every machine.

    Raises:
        UsageError: The file does not exist or cannot be read.
        NotebookError: The notebook has errors; `diagnostics` lists all of them.
    """
    checked = check(path, root=root, interpreter=interpreter)
    if checked.workflow is None:
        raise NotebookError(checked.diagnostics)
    return checked.workflow


def _analysed(
    tagged: TaggedNotebook, found: list[Diagnostic], root: Path, interpreter: Path | None
) -> Analysis:
    """The analysis, without problems that may only be consequences of wrong tags."""
    from ithaca.analysis import analyse  # not needed to reject a file

    wrong = {one.code for one in found if one.severity == "error"}
    whole = not (wrong & _CELLS_UNKNOWN or any(code < "ITH110" for code in wrong))
    return analyse(
        tagged,
        interpreter=interpreter,
        root=root,
        whole=whole,
        ordered=whole and not wrong & _ORDER_UNKNOWN,
    )


def _workflow(tagged: TaggedNotebook, analysis: Analysis) -> Workflow:
    return Workflow(
        name=tagged.name,
        description=tagged.description,
        parameters=analysis.parameters,
        steps=tuple(_step(step, analysis.steps[step.name]) for step in tagged.steps),
        metrics=analysis.metrics,
        volumes=tagged.volumes,
        study=tagged.study,
        source=Source(notebook=tagged.path, digest=tagged.digest, kernel=tagged.kernel),
    )


def _step(step: TaggedStep, analysed: AnalysedStep) -> Step:
    """The step of the IR; its settings and its analysis have the names of the IR's fields."""
    settings = msgspec.structs.asdict(step.settings)
    resources = Resources(requests=settings.pop("requests"), limits=settings.pop("limits"))
    return Step(
        name=step.name,
        needs=tuple(sorted(step.needs)),
        resources=resources,
        **msgspec.structs.asdict(analysed),
        **settings,
    )


def _sorted(
    raw: RawNotebook, tagged: TaggedNotebook, found: list[Diagnostic]
) -> tuple[Diagnostic, ...]:
    """Unique diagnostics in reading order, with the notebook's path as the user gave it."""
    shown = {path: index for index, path in enumerate(tagged.shown.values())}
    named: dict[Diagnostic, None] = {}
    for one in found:
        place = tagged.shown.get(one.notebook, one.notebook) or raw.shown
        named[msgspec.structs.replace(one, notebook=place)] = None

    def position(one: Diagnostic) -> tuple[int, int, int, int, str, str]:
        return (
            shown.get(one.notebook, len(shown)),
            one.cell or 0,
            one.line or 0,
            one.column or 0,
            one.code,
            one.message,
        )

    return tuple(sorted(named, key=position))
