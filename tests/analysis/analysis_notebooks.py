"""Small notebooks for the tests of the analysis, written as pairs of tag and source."""

from __future__ import annotations

from ithaca.analysis import Analysis, analyse
from ithaca.notebook.model import Cell, Scope, TaggedNotebook, TaggedStep

_SECTIONS = ("imports", "functions", "parameters", "metrics", "untagged", "skipped")


def notebook(*cells: tuple[str, str], path: str = "notebook.ipynb") -> TaggedNotebook:
    """A notebook of one scope.

    Args:
        cells: Tag and source: a section's name, or `step`, or `step < need, need`. Steps appear
            in the order of their first cell.
        path: Its path.
    """
    sections: dict[str, list[Cell]] = {name: [] for name in (*_SECTIONS, "shared")}
    steps: dict[str, tuple[list[Cell], list[str]]] = {}
    for number, (tag, source) in enumerate(cells, 1):
        cell = Cell(number=number, kind="code", source=source)
        if tag in sections:
            sections[tag].append(cell)
            if tag in {"imports", "functions"}:
                sections["shared"].append(cell)
            continue
        name, _, needs = tag.partition("<")
        own, needed = steps.setdefault(name.strip(), ([], []))
        own.append(cell)
        needed.extend(need.strip() for need in needs.split(",") if need.strip())
    return TaggedNotebook(
        path=path,
        name="notebook",
        steps=tuple(
            TaggedStep(name=name, cells=tuple(own), needs=tuple(needed))
            for name, (own, needed) in steps.items()
        ),
        scopes=(Scope(notebook=path, **{key: tuple(found) for key, found in sections.items()}),),
    )


def analysed(*cells: tuple[str, str]) -> Analysis:
    """The analysis of such a notebook."""
    return analyse(notebook(*cells))


def codes(found: Analysis, severity: str | None = None) -> list[str]:
    """The codes of its diagnostics."""
    return [
        diagnostic.code
        for diagnostic in found.diagnostics
        if severity is None or diagnostic.severity == severity
    ]


def sources(found: Analysis, step: str, kind: str | None = None) -> list[str]:
    """The code that a step runs."""
    return [code.source for code in found.steps[step].code if kind in {None, code.kind}]
