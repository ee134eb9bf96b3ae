"""Composition: the steps of an included notebook take the place of its `notebook:` cell.

Every notebook becomes a `Part`: its steps under their final names, its shared cells, and its first
and last steps. Parts nest to any depth.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ithaca.diagnostics import Diagnostic
from ithaca.errors import NotebookError, UsageError, suggest
from ithaca.notebook.cells import PATH_KEY, Reporting, Unit, group
from ithaca.notebook.digest import digest
from ithaca.notebook.metadata import Metadata, read_metadata
from ithaca.notebook.model import Cell, Scope
from ithaca.notebook.read import RawNotebook, read
from ithaca.notebook.reading import ReadingUnit, reading_order
from ithaca.notebook.settings import Slot, Slots, collect

_LOCAL: frozenset[Slot] = frozenset({("approval", "")})
"""Settings of a `notebook:` cell that apply to its first steps only: one approval is enough."""


class Draft(msgspec.Struct, kw_only=True):
    """A step under its final name, before its settings are merged.

    Attributes:
        name: Unique in the workflow.
        cell: Its first cell.
        shown: The notebook of that cell, for messages.
        cells: Its code.
        needs: Final names, in order of appearance, each with its tag, cell and notebook.
        layers: Settings, the strongest layer first.
        scope: Index of its notebook's shared cells.
    """

    name: str
    cell: Cell
    shown: str
    cells: list[Cell]
    layers: list[Slots]
    scope: int
    needs: dict[str, tuple[str, int, str]] = {}


class Part(msgspec.Struct, kw_only=True):
    """A notebook with the notebooks that it includes."""

    metadata: Metadata
    drafts: list[Draft] = []
    scopes: list[Scope] = []
    digests: list[tuple[str, str]] = []
    shown: dict[str, str] = {}
    diagnostics: list[Diagnostic] = []
    tagged: bool = False

    def roots(self) -> list[str]:
        """Names of the steps that need no other step of the part."""
        names = {draft.name for draft in self.drafts}
        return [draft.name for draft in self.drafts if not names & set(draft.needs)]

    def leaves(self) -> list[str]:
        """Names of the steps that no other step of the part needs."""
        needed = {need for draft in self.drafts for need in draft.needs}
        return [draft.name for draft in self.drafts if draft.name not in needed]


def assemble(raw: RawNotebook, *, prefix: str = "", chain: Sequence[Path] = ()) -> Part:
    """A notebook as a part.

    Args:
        raw: The notebook.
        prefix: Prefix of its steps' names.
        chain: Real paths of the notebooks that include this one.

    Returns:
        The part, with its diagnostics.
    """
    grouped = group(raw)
    metadata, problems = read_metadata(raw)
    part = Part(metadata=metadata, tagged=grouped.tagged)
    part.scopes.append(grouped.scope())
    part.digests.append((raw.relative, digest(raw)))
    part.shown[raw.relative] = raw.shown
    part.diagnostics += [*raw.diagnostics, *grouped.found]
    part.diagnostics += [msgspec.structs.replace(p, notebook=raw.shown) for p in problems]
    builder = _Builder(raw, part, prefix, (*chain, raw.path.resolve()))
    for unit in grouped.units.values():
        builder.add(unit)
    builder.connect(list(grouped.units.values()))
    for draft in part.drafts:
        draft.layers.append(metadata.defaults)
    return part


class _Builder(Reporting):
    """Builds the part of one notebook from its units."""

    def __init__(self, raw: RawNotebook, part: Part, prefix: str, chain: tuple[Path, ...]) -> None:
        super().__init__(raw, part.diagnostics)
        self.part = part
        self.prefix = prefix
        self.chain = chain
        self.roots: dict[str, list[str]] = {}
        self.leaves: dict[str, list[str]] = {}
        self.reading: list[ReadingUnit] = []

    def add(self, unit: Unit) -> None:
        """Add a unit's steps."""
        slots, conflicts = collect(unit.settings)
        self.found += [
            msgspec.structs.replace(found, notebook=self.raw.shown) for found in conflicts
        ]
        name = self.prefix + unit.name
        if unit.reference:
            drafts = self._compose(unit, name, slots)
        else:
            draft = Draft(
                name=name,
                cell=unit.cell,
                shown=self.raw.shown,
                cells=unit.cells,
                layers=[slots],
                scope=0,
            )
            self.part.drafts.append(draft)
            drafts = [draft]
            self.roots[unit.name] = self.leaves[unit.name] = [name]
        cells = [cell for draft in drafts for cell in draft.cells]
        self.reading.append(ReadingUnit(name=unit.name, reference=unit.reference, cells=cells))

    def connect(self, units: list[Unit]) -> None:
        """Turn `prev:` tags into needs; a composition without any uses reading order."""
        composed = any(unit.reference for unit in units)
        if composed and not any(unit.needs for unit in units):
            for later, needed in reading_order(self.reading):
                self._link(later, self.leaves[needed], "", 0)
            return
        for unit in units:
            for tag, cell in unit.needs:
                targets = self._targets(tag.name)
                if targets is None:
                    self._unknown(unit.name, tag.name, tag.text, cell)
                else:
                    self._link(unit.name, targets, tag.text, cell.number)

    def _targets(self, name: str) -> list[str] | None:
        """The steps that a `prev:` names: a step, or a notebook's last steps or one of them."""
        if name in self.leaves:
            return self.leaves[name]
        full = self.prefix + name
        known = any(draft.name == full for draft in self.part.drafts)
        return [full] if known else None

    def _link(self, unit: str, targets: list[str], text: str, cell: int) -> None:
        roots = set(self.roots[unit])
        for draft in self.part.drafts:
            if draft.name in roots:
                for target in targets:
                    draft.needs.setdefault(target, (text, cell, self.raw.shown))

    def _unknown(self, unit: str, name: str, text: str, cell: Cell) -> None:
        steps = [*self.leaves, *(draft.name[len(self.prefix) :] for draft in self.part.drafts)]
        known = [step for step in steps if step != unit]
        listed = ", ".join(dict.fromkeys(known))
        self.report(
            "ITH120",
            f'tag "{text}" names a step that does not exist{suggest(name, known)}',
            f"name a step of this notebook: {listed}"
            if listed
            else "remove the tag: this notebook has no other step",
            cell,
            text,
        )

    def _compose(self, unit: Unit, name: str, slots: dict[Slot, Any]) -> list[Draft]:
        """Add the steps of an included notebook."""
        self.roots[unit.name] = []
        self.leaves[unit.name] = []
        raw = self._open(unit)
        if raw is None:
            return []
        inner = assemble(raw, prefix=f"{name}-", chain=self.chain)
        if not inner.drafts and not any(f.severity == "error" for f in inner.diagnostics):
            self.report(
                "ITH107",
                f'the included notebook "{raw.shown}" has no steps',
                "tag its cells with `step:NAME`",
                unit.cell,
            )
        self.roots[unit.name] = inner.roots()
        self.leaves[unit.name] = inner.leaves()
        offset = len(self.part.scopes)
        for draft in inner.drafts:
            first = draft.name in self.roots[unit.name]
            draft.scope += offset
            draft.layers.append({k: v for k, v in slots.items() if first or k not in _LOCAL})
        self.part.drafts += inner.drafts
        self.part.scopes += inner.scopes
        self.part.digests += inner.digests
        self.part.shown |= inner.shown
        self.found += inner.diagnostics
        self._mount(inner, unit)
        self._compare_settings(raw, unit)
        return inner.drafts

    def _mount(self, inner: Part, unit: Unit) -> None:
        """Mount the volumes of an included notebook too."""
        own = {volume.name: volume for volume in self.part.metadata.volumes}
        for volume in inner.metadata.volumes:
            if own.setdefault(volume.name, volume) != volume:
                self.report(
                    "ITH143",
                    f'notebook "{unit.name}" defines volume "{volume.name}" differently',
                    "define it the same way in both notebooks, or use two names",
                    unit.cell,
                )
        self.part.metadata = msgspec.structs.replace(
            self.part.metadata, volumes=tuple(own.values())
        )

    def _compare_settings(self, raw: RawNotebook, unit: Unit) -> None:
        """Warn about an included notebook in another folder or for another kernel."""
        if raw.path.parent.resolve() != self.raw.path.parent.resolve():
            self.report(
                "ITH137",
                f'notebook "{unit.name}" is in another folder, but its relative paths are resolved '
                "from the folder of the notebook that includes it",
                "keep both in one folder, or use absolute paths",
                unit.cell,
                severity="warning",
            )
        if "kernelspec" in raw.metadata and raw.kernel != self.raw.kernel:
            self.report(
                "ITH138",
                f'notebook "{unit.name}" uses kernel "{raw.kernel}", but runs in kernel '
                f'"{self.raw.kernel}" of the notebook that includes it',
                "choose the same kernel for both",
                unit.cell,
                severity="warning",
            )

    def _open(self, unit: Unit) -> RawNotebook | None:
        """Read an included notebook; None, with a diagnostic, when that fails."""
        relative = unit.cell.metadata.get(PATH_KEY)
        if not isinstance(relative, str) or not relative.strip():
            self.report(
                "ITH130",
                f'tag "notebook:{unit.name}" does not name a file',
                f"set `{PATH_KEY}` in the cell's metadata to the notebook's relative path",
                unit.cell,
            )
            return None
        path = Path(os.path.normpath(self.raw.path.parent / relative))
        if Path(relative).is_absolute() or not self._inside(path):
            self.report(
                "ITH132",
                f'notebook "{relative}" is outside the project ({self.raw.root})',
                "copy it into the project and use a relative path",
                unit.cell,
            )
            return None
        if path.resolve() in self.chain:
            names = [link.name for link in self.chain[self.chain.index(path.resolve()) :]]
            self.report(
                "ITH133",
                "notebooks include each other in a circle: " + " → ".join([*names, names[0]]),
                "move the shared cells to a separate notebook",
                unit.cell,
            )
            return None
        shown = os.path.normpath(Path(self.raw.shown).parent / relative)
        try:
            return read(path, root=self.raw.root, shown=shown)
        except NotebookError as error:
            self.found += error.diagnostics
        except UsageError as error:
            self.report(
                "ITH131",
                f'cannot read notebook "{relative}": {error.message}',
                f"correct `{PATH_KEY}` in the cell's metadata",
                unit.cell,
            )
        return None

    def _inside(self, path: Path) -> bool:
        return path.is_relative_to(self.raw.root) and path.resolve().is_relative_to(
            self.raw.root.resolve()
        )
