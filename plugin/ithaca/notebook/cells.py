"""Groups the cells of one notebook: steps, shared cells and skipped cells."""

from __future__ import annotations

import msgspec

from ithaca.diagnostics import Diagnostic, Severity, about_tag
from ithaca.notebook.model import Cell, Scope
from ithaca.notebook.read import RawNotebook
from ithaca.notebook.settings import Placed
from ithaca.notebook.tags import ROLES, SETTINGS, Tag, parse_tag

PATH_KEY = "notebook_path"
"""Metadata key of a `notebook:` cell that holds the path of the notebook to include."""


class Unit(msgspec.Struct, kw_only=True):
    """A step or an included notebook, while its cells are collected.

    Attributes:
        name: The name in the tag.
        cell: Its first cell.
        cells: Its code.
        needs: Its `prev:` tags, with their cells.
        settings: Its setting tags, with their cells.
        reference: Whether it is an included notebook.
    """

    name: str
    cell: Cell
    cells: list[Cell] = []
    needs: list[tuple[Tag, Cell]] = []
    settings: list[Placed] = []
    reference: bool = False


def group(raw: RawNotebook) -> Grouping:
    """Group the cells of a notebook by their tags.

    Args:
        raw: The notebook.

    Returns:
        Its units in order of appearance, its shared cells, and the problems of its tags.
    """
    grouping = Grouping(raw)
    for cell in raw.cells:
        if cell.kind == "code":
            grouping.add(cell)
        else:
            grouping.ignore(cell)
    grouping.report_pending()
    return grouping


class Reporting:
    """Collects the problems of one notebook.

    Args:
        raw: The notebook.
        found: Receives the problems.
    """

    def __init__(self, raw: RawNotebook, found: list[Diagnostic]) -> None:
        self.raw = raw
        self.found = found

    def report(
        self,
        code: str,
        message: str,
        cure: str,
        cell: Cell,
        text: str = "",
        severity: Severity = "error",
    ) -> None:
        """Add a problem of a cell, or of one of its tags if there is a text."""
        shown, number = self.raw.shown, cell.number
        self.found.append(
            about_tag(code, message, cure, text, severity=severity, notebook=shown, cell=number)
        )


class Grouping(Reporting):
    """The cells of one notebook, grouped; an untagged cell belongs to what came before it."""

    def __init__(self, raw: RawNotebook) -> None:
        super().__init__(raw, [])
        self.units: dict[str, Unit] = {}
        self.roles: dict[str, list[Cell]] = {role: [] for role in ROLES}
        self.shared: list[Cell] = []
        self.untagged: list[Cell] = []
        self.tagged = False
        # What an untagged cell belongs to: a role, a unit, or nothing yet.
        self.owner: str | Unit | None = None
        # Cells below a `notebook:` cell, which has no code: they wait for the next step.
        self.pending: list[Cell] = []

    def add(self, cell: Cell) -> None:
        """Assign a code cell by its tags."""
        tags, problems = self._tags(cell)
        self.tagged = self.tagged or bool(tags)
        kinds = [tag.kind for tag in tags]
        if "skip" in kinds:
            self.roles["skip"].append(cell)
            return
        self.found += problems
        role = self._only(cell, [tag for tag in tags if tag.kind in ROLES])
        step = self._only(cell, [tag for tag in tags if tag.kind == "step" and tag.name])
        reference = self._only(cell, [tag for tag in tags if tag.kind == "notebook"])
        main = self._only(cell, [tag for tag in (role, step, reference) if tag is not None])
        if main is None:
            self._continue(cell, tags)
        elif main.kind in ROLES:
            self.owner = main.kind
            self._to_role(main.kind, cell)
            self._without_step(cell, tags, shared=True)
        elif main.kind == "notebook":
            self._refer(cell, main, tags)
        else:
            self._to_step(cell, main, tags)

    def ignore(self, cell: Cell) -> None:
        """Warn about tags on a cell without code."""
        for text in cell.tags:
            tag, problem = parse_tag(text)
            if tag is not None and problem is None and tag.kind != "skip":
                self.report(
                    "ITH116",
                    f'tag "{text}" has no effect on a {cell.kind} cell',
                    "move it to a code cell",
                    cell,
                    text,
                    severity="warning",
                )

    def report_pending(self) -> None:
        """Report code below a `notebook:` cell that no step follows."""
        code = [cell for cell in self.pending if _has_code(cell.source)]
        self.pending = []
        if code:
            self.report(
                "ITH135",
                "code below a `notebook:` cell belongs to no step",
                "tag the cell with `step:NAME` or `skip`",
                code[0],
            )

    def scope(self) -> Scope:
        """The shared cells."""
        return Scope(
            notebook=self.raw.relative,
            imports=tuple(self.roles["imports"]),
            functions=tuple(self.roles["functions"]),
            shared=tuple(self.shared),
            parameters=tuple(self.roles["pipeline-parameters"]),
            metrics=tuple(self.roles["pipeline-metrics"]),
            untagged=tuple(self.untagged),
            skipped=tuple(self.roles["skip"]),
        )

    def _tags(self, cell: Cell) -> tuple[list[Tag], list[Diagnostic]]:
        tags: list[Tag] = []
        found: list[Diagnostic] = []
        listed = cell.metadata.get("tags", [])
        if not isinstance(listed, list) or len(listed) != len(cell.tags):
            found.append(
                about_tag(
                    "ITH112",
                    "the cell's `tags` must be a list of strings",
                    "set the tags in Jupyter's property inspector",
                    notebook=self.raw.shown,
                    cell=cell.number,
                )
            )
        for text in cell.tags:
            tag, problem = parse_tag(text)
            if tag is not None:
                tags.append(tag)
            if problem is not None:
                place = {"notebook": self.raw.shown, "cell": cell.number}
                found.append(msgspec.structs.replace(problem, **place))
        return tags, found

    def _only(self, cell: Cell, tags: list[Tag]) -> Tag | None:
        """The first of several tags that exclude each other; report the others."""
        for other in tags[1:]:
            if (other.kind, other.name) != (tags[0].kind, tags[0].name):
                self.report(
                    "ITH114",
                    f'the cell has both tags "{tags[0].text}" and "{other.text}"',
                    "keep one of them, or split the cell",
                    cell,
                    other.text,
                )
        return tags[0] if tags else None

    def _continue(self, cell: Cell, tags: list[Tag]) -> None:
        """Add an untagged cell to what the cells before it belong to."""
        if isinstance(self.owner, str):
            self._to_role(self.owner, cell)
            self._without_step(cell, tags, shared=True)
        elif self.owner is None:
            self.untagged.append(cell)
            self._without_step(cell, tags)
        elif self.owner.reference:
            self.pending.append(cell)
            self._without_step(cell, tags)
        else:
            self._join(self.owner, cell, tags)

    def _to_role(self, role: str, cell: Cell) -> None:
        self.roles[role].append(cell)
        if role in ("imports", "functions"):
            self.shared.append(cell)

    def _to_step(self, cell: Cell, main: Tag, tags: list[Tag]) -> None:
        unit = self.units.setdefault(main.name, Unit(name=main.name, cell=cell))
        if unit.reference:
            self._taken(cell, main, unit)
            return
        unit.cells += self.pending
        self.pending = []
        self._join(unit, cell, tags)
        self.owner = unit

    def _refer(self, cell: Cell, main: Tag, tags: list[Tag]) -> None:
        self.report_pending()
        if _has_code(cell.source):
            self.report(
                "ITH134",
                f'the cell includes notebook "{main.name}", so its own code would not run',
                "move the code to a cell tagged `step:NAME`",
                cell,
            )
        if main.name in self.units:
            self._taken(cell, main, self.units[main.name])
            return
        unit = Unit(name=main.name, cell=cell, reference=True)
        self.units[main.name] = unit
        self._join(unit, cell, tags)
        self.owner = unit

    def _join(self, unit: Unit, cell: Cell, tags: list[Tag]) -> None:
        if not unit.reference and cell.source.strip():
            unit.cells.append(cell)
        unit.needs += [(tag, cell) for tag in tags if tag.kind == "prev"]
        unit.settings += [(tag, cell.number) for tag in tags if tag.kind in SETTINGS]

    def _taken(self, cell: Cell, main: Tag, unit: Unit) -> None:
        what = "an included notebook" if unit.reference else "a step"
        self.report(
            "ITH136",
            f'"{main.name}" is already the name of {what} (cell {unit.cell.number})',
            "choose another name",
            cell,
            main.text,
        )

    def _without_step(self, cell: Cell, tags: list[Tag], *, shared: bool = False) -> None:
        """Report tags that need a step; on a shared cell Kale ignores them, so only warn."""
        move, add = "move the tag to a cell of its step", "add the tag `step:NAME` to the cell"
        for tag in tags:
            if tag.kind == "prev" or tag.kind in SETTINGS:
                message = f'tag "{tag.text}" has no effect: the cell belongs to no step'
                cure = move if shared else add
                severity: Severity = "warning" if shared else "error"
                self.report("ITH113", message, cure, cell, tag.text, severity)


def _has_code(source: str) -> bool:
    """Whether a cell has more than comments."""
    lines = (line.strip() for line in source.splitlines())
    return any(line and not line.startswith("#") for line in lines)
