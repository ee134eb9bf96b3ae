"""Grouping the cells of one notebook: which run together, which are shared, which are left out."""

from __future__ import annotations

import msgspec

from ithaca.diagnostics import Diagnostic
from ithaca.notebook.model import Cell, Scope
from ithaca.notebook.read import RawNotebook
from ithaca.notebook.settings import Placed, is_setting
from ithaca.notebook.tags import ROLES, Tag, parse_tag

PATH_KEY = "notebook_path"
"""Key of a `notebook:` cell's metadata that says which file it stands for."""


class Unit(msgspec.Struct, kw_only=True):
    """A step, or a notebook that a `notebook:` cell stands for, while cells are gathered.

    Attributes:
        name: As the tag says it.
        cell: The cell that began it.
        cells: Its code.
        needs: Its `prev:` tags, with their cells.
        settings: Its setting tags, with their cells.
        reference: Whether it stands for another notebook.
    """

    name: str
    cell: Cell
    cells: list[Cell] = []
    needs: list[tuple[Tag, Cell]] = []
    settings: list[Placed] = []
    reference: bool = False


class Grouped(msgspec.Struct, kw_only=True):
    """The cells of one notebook, grouped."""

    units: dict[str, Unit]
    scope: Scope
    diagnostics: list[Diagnostic]
    tagged: bool


def group(raw: RawNotebook) -> Grouped:
    """Group the cells of a notebook by their tags.

    Args:
        raw: The notebook.

    Returns:
        Its units in order of appearance, its shared cells, and what is wrong with its tags.
    """
    grouping = _Grouping(raw)
    for cell in raw.cells:
        if cell.kind == "code":
            grouping.add(cell)
        else:
            grouping.pass_over(cell)
    grouping.own_pending()
    return Grouped(
        units=grouping.units,
        scope=grouping.scope(),
        diagnostics=grouping.found,
        tagged=grouping.tagged,
    )


class _Grouping:
    """The walk over the cells: what an untagged cell belongs to depends on those before it."""

    def __init__(self, raw: RawNotebook) -> None:
        self.raw = raw
        self.units: dict[str, Unit] = {}
        self.roles: dict[str, list[Cell]] = {role: [] for role in ROLES}
        self.shared: list[Cell] = []
        self.untagged: list[Cell] = []
        self.found: list[Diagnostic] = []
        self.tagged = False
        # What an untagged cell belongs to: a role's name, a unit, or nothing yet.
        self.owner: str | Unit | None = None
        # Cells below a `notebook:` cell, which holds no code: they wait for the next step.
        self.pending: list[Cell] = []

    def add(self, cell: Cell) -> None:
        """Put a code cell where its tags say."""
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
            self._without_effect(cell, tags)
        elif main.kind == "notebook":
            self._refer(cell, main, tags)
        else:
            self._to_step(cell, main, tags)

    def pass_over(self, cell: Cell) -> None:
        """A cell without code: its tags say nothing, which is worth a word."""
        for text in cell.tags:
            tag, problem = parse_tag(text)
            if tag is not None and problem is None and tag.kind != "skip":
                self._say(
                    "ITH116",
                    f"the tag `{text}` has no effect on a {cell.kind} cell",
                    "move it to a code cell",
                    cell,
                    text,
                    warning=True,
                )

    def own_pending(self) -> None:
        """Complain of code that waits for a step which does not come."""
        code = [cell for cell in self.pending if _has_code(cell.source)]
        self.pending = []
        if code:
            self._say(
                "ITH135",
                "the code below a `notebook:` cell belongs to no step",
                "tag the cell with `step:NAME`, or with `skip`",
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
                Diagnostic(
                    code="ITH112",
                    severity="error",
                    message="the cell's tags are no list of strings",
                    cure="set the tags in Jupyter's property inspector",
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
        """The one tag of several that exclude each other."""
        for other in tags[1:]:
            if (other.kind, other.name) != (tags[0].kind, tags[0].name):
                self._say(
                    "ITH114",
                    f"the cell is tagged both `{tags[0].text}` and `{other.text}`",
                    "keep one of the two, or split the cell",
                    cell,
                    other.text,
                )
        return tags[0] if tags else None

    def _continue(self, cell: Cell, tags: list[Tag]) -> None:
        """A cell that names nothing of its own: it belongs to the last cell that did."""
        if isinstance(self.owner, str):
            self._to_role(self.owner, cell)
            self._without_effect(cell, tags)
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
        self.own_pending()
        if _has_code(cell.source):
            self._say(
                "ITH134",
                f"the cell stands for the notebook {main.name}, so its own code would not run",
                "move the code to a cell with `step:NAME`",
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
        unit.settings += [(tag, cell.number) for tag in tags if is_setting(tag)]

    def _taken(self, cell: Cell, main: Tag, unit: Unit) -> None:
        what = "a notebook" if unit.reference else "a step"
        self._say(
            "ITH136",
            f"{main.name} is already the name of {what} (cell {unit.cell.number})",
            "choose another name",
            cell,
            main.text,
        )

    def _without_effect(self, cell: Cell, tags: list[Tag]) -> None:
        """Kale ignores what else is tagged on a shared cell, so it is no error here."""
        for tag in tags:
            if tag.kind == "prev" or is_setting(tag):
                self._say(
                    "ITH113",
                    f"the tag `{tag.text}` has no effect: the cell belongs to no step",
                    "move the tag to a cell of the step that it is for",
                    cell,
                    tag.text,
                    warning=True,
                )

    def _without_step(self, cell: Cell, tags: list[Tag]) -> None:
        for tag in tags:
            if tag.kind == "prev" or is_setting(tag):
                self._say(
                    "ITH113",
                    f"the tag `{tag.text}` is on a cell that belongs to no step",
                    "tag the cell with `step:NAME` too",
                    cell,
                    tag.text,
                )

    def _say(
        self,
        code: str,
        message: str,
        cure: str,
        cell: Cell,
        text: str = "",
        *,
        warning: bool = False,
    ) -> None:
        self.found.append(
            Diagnostic(
                code=code,
                severity="warning" if warning else "error",
                message=message,
                cure=cure,
                notebook=self.raw.shown,
                cell=cell.number,
                source=text,
                column=1 if text else None,
                end_column=len(text) + 1 if text else None,
            )
        )


def _has_code(source: str) -> bool:
    """Whether a cell holds more than comments."""
    lines = (line.strip() for line in source.splitlines())
    return any(line and not line.startswith("#") for line in lines)
