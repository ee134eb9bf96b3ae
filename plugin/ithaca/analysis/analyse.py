"""Analyses a tagged notebook: what each step runs, reads and writes."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from ithaca.analysis.advice import SYNTAX_CURE, advice, findings
from ithaca.analysis.cells import ParsedCell, parse
from ithaca.analysis.code import step_code
from ithaca.analysis.effects import effects
from ithaca.analysis.flow import Flow
from ithaca.analysis.graph import Graph
from ithaca.analysis.metrics import metrics, named
from ithaca.analysis.names import KERNEL_NAMES, Elsewhere, history, missing_names
from ithaca.analysis.namespace import Held
from ithaca.analysis.parameters import IMMUTABLE, parameters
from ithaca.analysis.shared import WORD, Shared, mentioned, shared
from ithaca.analysis.stars import Stars
from ithaca.diagnostics import Diagnostic
from ithaca.model.workflow import Code, Metric, Parameter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ithaca.analysis.events import Event
    from ithaca.analysis.namespace import Place
    from ithaca.model.workflow import CodeKind
    from ithaca.notebook.model import Cell, Scope, TaggedNotebook, TaggedStep


class AnalysedStep(msgspec.Struct, frozen=True, kw_only=True):
    """The analysis of a step; the fields are those of the IR.

    Attributes:
        code: What runs, in order: the shared statements that it needs, then its own cells.
        code_digest: Digest of the code's meaning.
        parameters: Names of the workflow's parameters that it consumes, sorted.
        reads: Names of the values that it reads from its ancestors, sorted.
        writes: Names of the values that it writes for later steps, sorted.
    """

    code: tuple[Code, ...] = ()
    code_digest: str = ""
    parameters: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


class Analysis(msgspec.Struct, frozen=True, kw_only=True):
    """The analysis of a notebook.

    Attributes:
        steps: By name, in workflow order.
        parameters: In notebook order.
        metrics: In the order of the metrics cells.
        diagnostics: All problems, in order of cell and line.
    """

    steps: dict[str, AnalysedStep] = {}
    parameters: tuple[Parameter, ...] = ()
    metrics: tuple[Metric, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def analyse(
    notebook: TaggedNotebook,
    *,
    interpreter: Path | None = None,
    root: Path | None = None,
    whole: bool = True,
    ordered: bool = True,
) -> Analysis:
    """Find what every step of a notebook runs, reads from its ancestors and writes for others.

    Does not run or import the user's code, and never raises for it: all problems are in the
    result's diagnostics.

    Args:
        notebook: The notebook after its tags were read.
        interpreter: The kernel's Python, in which to look up `from … import *`; None for the
            running one.
        root: The project's root, which may contain modules of the notebook; None for the current
            folder.
        whole: False when cells are missing, which may bind any name.
        ordered: False when the order of steps is not certain.

    Example:
        >>> from ithaca.notebook.model import Cell, TaggedNotebook, TaggedStep
        >>> def step(name, number, source, *needs):
        ...     return TaggedStep(
        ...         name=name, needs=needs, cells=(Cell(number=number, kind="code", source=source),)
        ...     )
        >>> found = analyse(
        ...     TaggedNotebook(
        ...         path="n.ipynb",
        ...         name="n",
        ...         steps=(step("a", 1, "x = [1]"), step("b", 2, "print(x)", "a")),
        ...     )
        ... )
        >>> found.steps["a"].writes, found.steps["b"].reads
        (('x',), ('x',))
    """
    return _Reading(notebook, interpreter, root or Path(), whole, ordered).analysis()


@dataclass
class _Reading:
    """The state of one analysis."""

    notebook: TaggedNotebook
    interpreter: Path | None
    root: Path
    whole: bool
    ordered: bool
    diagnostics: list[Diagnostic] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    annotations: bool = True
    open: bool = False

    def analysis(self) -> Analysis:
        """Run the analysis."""
        notebook = self.notebook
        scopes = [self._shared_cells(scope) for scope in notebook.scopes]
        cells = {step.name: [self._parsed(cell) for cell in step.cells] for step in notebook.steps}
        self.annotations = not _defers_annotations(
            [*(cell for scope in scopes for cell, _ in scope), *chain(*cells.values())]
        )
        found, problems = parameters(
            [self._parsed(cell) for scope in notebook.scopes for cell in scope.parameters]
        )
        variables, doubts = named(
            [self._parsed(cell) for scope in notebook.scopes for cell in scope.metrics]
        )
        self.diagnostics += [*problems, *doubts]
        held = {name: Held(frozen=parameter.type in IMMUTABLE) for name, parameter in found.items()}
        shares = [
            shared([(cell, kind, self._effects(cell, in_step=False)) for cell, kind in scope], held)
            for scope in scopes
        ]
        events = {
            name: [(cell, _joined(self._effects(cell, in_step=True))) for cell in parsed]
            for name, parsed in cells.items()
        }
        self._mark_unread(shares, events.values(), variables)
        graph = Graph(shares, held, KERNEL_NAMES)
        for step in notebook.steps:
            graph.add(step, events[step.name])
        graph.finish()
        published, unbound = metrics(variables, list(graph.steps.values()), found)
        self.diagnostics += unbound if self.whole else []
        self._report(graph)
        return Analysis(
            steps={step.name: self._step(graph, step) for step in notebook.steps},
            parameters=tuple(found.values()),
            metrics=published,
            diagnostics=self._sorted(),
        )

    # -- cells

    def _shared_cells(self, scope: Scope) -> list[tuple[ParsedCell, CodeKind]]:
        imports = {cell.number for cell in scope.imports}
        return [
            (self._parsed(cell), "imports" if cell.number in imports else "functions")
            for cell in scope.shared
        ]

    def _parsed(self, cell: Cell) -> ParsedCell:
        parsed = parse(cell)
        problem = parsed.problem
        if problem is not None:
            self.broken.update(WORD.findall(cell.source))
            self.diagnostics.append(
                Diagnostic(
                    code="ITH201",
                    severity="error",
                    message=f"syntax error: {problem.message}",
                    cure=SYNTAX_CURE,
                    notebook=cell.notebook,
                    cell=cell.number,
                    line=problem.line,
                    column=problem.column,
                    end_column=problem.end_column,
                    source=parsed.text(problem.line) if problem.line else "",
                )
            )
        return parsed

    def _effects(self, cell: ParsedCell, *, in_step: bool) -> list[tuple[ast.stmt, list[Event]]]:
        statements, found = effects(cell, self._stars(cell), annotations=self.annotations)
        self.open = self.open or any(finding.kind == "star" for finding in found)
        self.diagnostics += findings([(cell, finding) for finding in found], in_step)
        return statements

    def _stars(self, cell: ParsedCell) -> Stars:
        folder = PurePosixPath(cell.cell.notebook or self.notebook.path).parent
        folders = tuple(dict.fromkeys((self.root / folder, self.root)))
        if folders not in self._star_caches:
            self._star_caches[folders] = Stars(folders, self.interpreter)
        return self._star_caches[folders]

    _star_caches: dict[tuple[Path, ...], Stars] = field(default_factory=dict)

    def _mark_unread(
        self,
        shares: list[Shared],
        steps: Iterable[list[tuple[ParsedCell, list[Event]]]],
        variables: Iterable[str],
    ) -> None:
        """Find the imports whose names nothing reads: they are imported for their effects."""
        read = set(variables)
        for cells in steps:
            for _, events in cells:
                read |= mentioned(events)
        for scope in shares:
            for statement in scope.statements:
                read |= statement.mentions
        for scope in shares:
            scope.unread.update(
                index
                for index, statement in enumerate(scope.statements)
                if statement.role == "import"
                and not _names_read(statement.node, statement.binds, read)
            )

    # -- results

    def _step(self, graph: Graph, step: TaggedStep) -> AnalysedStep:
        facts = graph.steps[step.name]
        code, digest = step_code(facts, graph.scopes, self.notebook.path)
        return AnalysedStep(
            code=code,
            code_digest=digest,
            parameters=tuple(sorted(facts.parameters)),
            reads=tuple(sorted(facts.reads)),
            writes=tuple(sorted(facts.writes)),
        )

    def _report(self, graph: Graph) -> None:
        elsewhere = Elsewhere(
            frozenset(self.broken), self.open or not self.whole, self.ordered, self._not_run
        )
        self.diagnostics += missing_names(graph, elsewhere)
        self.diagnostics += history(graph)
        self.diagnostics += advice(graph) if self.ordered else []

    def _not_run(self, index: int) -> dict[str, tuple[str, Place]]:
        """Names that only cells bind which do not run."""
        scope = self.notebook.scopes[index]
        found: dict[str, tuple[str, Place]] = {}
        cells = [(cell, "is above the first tag") for cell in scope.untagged]
        cells += [(cell, "is tagged `skip`") for cell in scope.skipped]
        for cell, kind in cells:
            parsed = parse(cell)
            flow = Flow({})
            flow.run(parsed, _joined(effects(parsed, self._stars(parsed))[0]))
            for name, place in flow.bound.items():
                found.setdefault(name, (kind, place))
        return found

    def _sorted(self) -> tuple[Diagnostic, ...]:
        own = self.notebook.path
        named = [
            found if found.notebook else msgspec.structs.replace(found, notebook=own)
            for found in self.diagnostics
        ]

        def place(found: Diagnostic) -> tuple[object, ...]:
            numbers = (found.cell or 0, found.line or 0, found.column or 0)
            return (found.notebook != own, found.notebook, *numbers, found.code, found.message)

        return tuple(sorted(dict.fromkeys(named), key=place))


def _joined(statements: Iterable[tuple[ast.stmt, list[Event]]]) -> list[Event]:
    return [event for _, events in statements for event in events]


def _defers_annotations(cells: Iterable[ParsedCell]) -> bool:
    """Whether a cell turns annotations into strings, which affects all later cells."""
    return any(
        isinstance(statement, ast.ImportFrom)
        and statement.module == "__future__"
        and any(alias.name == "annotations" for alias in statement.names)
        for cell in cells
        for statement in cell.statements
    )


def _names_read(node: ast.stmt, binds: frozenset[str], read: set[str]) -> bool:
    """Whether every name of an import is read; of a star import, whether any is."""
    star = isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
    return bool(binds & read) if star else binds <= read
