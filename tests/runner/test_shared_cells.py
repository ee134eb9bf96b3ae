"""The imports and functions cells of a step."""

from __future__ import annotations

import pytest
from step_project import Project, step

from ithaca.model.workflow import Code

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kind", ["imports", "functions"])
def test_a_failure_in_a_shared_cell_names_its_cell_and_line(project: Project, kind: str) -> None:
    source = "import json\n\nrows = json.loads('no json')"
    code = Code(cell=2, kind=kind, source=source, lines=(1, 4, 7))  # type: ignore[arg-type]
    project.define(step("a", code, Code(cell=5, kind="user", source="rows")))
    error = project.run("a").error
    assert error is not None
    assert (error.name, error.cell, error.line) == ("JSONDecodeError", 2, 7)


def test_a_class_of_an_imports_cell_is_the_same_in_later_steps(project: Project) -> None:
    shared = Code(cell=1, kind="imports", source="class Row:\n    pass")
    make = Code(cell=2, kind="user", source="row = Row()")
    look = Code(cell=3, kind="user", source="assert isinstance(row, Row), type(row)")
    project.define(
        step("a", shared, make, writes=("row",)),
        step("b", shared, look, needs=("a",), reads=("row",)),
    )
    end = project.run("a", "b")
    assert end.status == "succeeded", end.error
