"""The notebook of a step, and the user's cells that its cells come from."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.notebook.model import Cell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ithaca.model.workflow import Code, Step, Workflow


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a cell of the step's notebook comes from.

    Attributes:
        role: `watch`, `parameters`, `load`, `save`, or the kind of its code.
        code: The code, for cells that the user wrote.
    """

    role: str
    code: Code | None = None

    def line(self, line: int | None) -> int | None:
        """The line in the user's cell that corresponds to a line of this cell."""
        if line is None or self.code is None or not self.code.lines:
            return line
        return self.code.lines[min(max(line, 1), len(self.code.lines)) - 1]


def build(workflow: Workflow, step: Step) -> dict[str, Any]:
    """The step's notebook, as nbformat 4 JSON.

    The order: watching for failures, the parameters that it consumes, the imports and definitions
    that it needs, values from earlier steps, its own cells, saving. Values are loaded after the
    shared cells, because what those set in each step (seeds, counters) continues from where the
    step before left it.

    Args:
        workflow: The workflow.
        step: The step.
    """
    cells = [_own("watch")]
    if step.parameters:
        defaults = {each.name: each.default for each in workflow.parameters}
        source = "\n".join(f"{name} = {defaults[name]!r}" for name in step.parameters)
        cells.append(_cell(source, {"role": "parameters"}, tags=["parameters"]))
    coded = []
    for index, code in enumerate(step.code):
        origin: dict[str, Any] = {"role": code.kind, "cell": code.cell, "code": index}
        if code.notebook:
            origin["notebook"] = code.notebook
        coded.append(_cell(code.source, origin))
    kinds = [*(code.kind for code in step.code), "user"]
    coded.insert(kinds.index("user"), _own("load"))
    cells += [*coded, _own("save")]
    for number, cell in enumerate(cells):
        cell["id"] = f"ithaca-{number}"
    return {
        "cells": cells,
        "metadata": {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
            "ithaca": {"workflow": workflow.name, "step": step.name},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def place(step: Step, cell: Mapping[str, Any]) -> Place:
    """Where a cell of an executed step's notebook comes from."""
    origin = cell.get("metadata", {}).get("ithaca", {})
    index = origin.get("code")
    return Place(
        role=origin.get("role", "parameters"), code=None if index is None else step.code[index]
    )


def definitions(step: Step) -> tuple[str, ...]:
    """Names that each step defines itself, so they are not values: all of its functions cells.

    Of its imports cells only functions and classes count: modules are imported by name.
    """
    names: set[str] = set()
    for code in step.code:
        if code.kind != "user":
            names.update(_bound(code, only_definitions=code.kind == "imports"))
    return tuple(sorted(names))


def _bound(code: Code, *, only_definitions: bool) -> set[str]:
    names = set()
    for node in _statements(code):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif only_definitions:
            continue
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            names.update(
                each.id
                for each in ast.walk(node)
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
            )
    return names


def _statements(code: Code) -> Sequence[ast.stmt]:
    try:
        return ast.parse(code.source).body
    except SyntaxError:
        from ithaca.analysis.cells import parse  # only magics need it

        return parse(Cell(number=code.cell, kind="code", source=code.source)).statements


def _own(role: str) -> dict[str, Any]:
    return _cell(f"import ithaca_kernel; ithaca_kernel.{role}()", {"role": role})


def _cell(source: str, ithaca: dict[str, Any], tags: list[str] | None = None) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {"tags": tags or [], "ithaca": ithaca},
        "outputs": [],
        "source": source,
    }
