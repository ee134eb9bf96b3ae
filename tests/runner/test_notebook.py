"""The notebook of a step, and mapping its errors to the user's cells."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from step_project import parameter, step

from ithaca.model.workflow import Code, Source, Workflow
from ithaca.runner import failure, notebook
from ithaca.runner.notebook import Place

SHARED = Code(cell=2, kind="functions", source="K = 3\ndef f():\n    pass\nclass C: pass")
USER = Code(cell=5, kind="user", source="a = 1\nb = 2", lines=(4, 9))


def workflow(*code: Code, **fields: Any) -> Workflow:
    steps = (step("s", *code, **fields),)
    return Workflow(
        name="w",
        source=Source(notebook="nb.ipynb", digest=""),
        steps=steps,
        parameters=(parameter("lr", 0.1), parameter("name", "it's")),
    )


def roles(document: dict[str, Any]) -> list[str]:
    return [cell["metadata"]["ithaca"]["role"] for cell in document["cells"]]


def test_values_are_loaded_between_the_shared_cells_and_the_users_cells() -> None:
    flow = workflow(SHARED, USER, USER, parameters=("lr", "name"))
    document = notebook.build(flow, flow.steps[0])
    expected = ["watch", "parameters", "functions", "load", "user", "user", "save"]
    assert roles(document) == expected
    nbformat.validate(nbformat.from_dict(document))


def test_the_parameters_cell_contains_the_defaults_of_the_parameters_that_the_step_reads() -> None:
    flow = workflow(USER, parameters=("name",))
    cell = notebook.build(flow, flow.steps[0])["cells"][1]
    assert cell["source"] == 'name = "it\'s"'
    assert cell["metadata"]["tags"] == ["parameters"]


def test_a_step_without_user_cells_loads_and_saves() -> None:
    flow = workflow(SHARED)
    assert roles(notebook.build(flow, flow.steps[0])) == ["watch", "functions", "load", "save"]


def test_definitions_are_the_names_that_functions_cells_bind() -> None:
    flow = workflow(SHARED, USER)
    assert notebook.definitions(flow.steps[0]) == ("C", "K", "f")


def test_functions_and_classes_of_imports_cells_are_definitions_and_modules_are_not() -> None:
    source = "import numpy as np\nclass Table: pass\ndef f(): pass\nseed = 1"
    flow = workflow(Code(cell=1, kind="imports", source=source), USER)
    assert notebook.definitions(flow.steps[0]) == ("Table", "f")


def test_definitions_are_found_beside_magics_and_await() -> None:
    source = "%matplotlib inline\n!ls {K}\ndef f():\n    pass\nK = await g()"
    flow = workflow(Code(cell=1, kind="functions", source=source), USER)
    assert notebook.definitions(flow.steps[0]) == ("K", "f")


@pytest.mark.parametrize(("line", "users"), [(1, 4), (2, 9), (3, 9), (None, None)])
def test_lines_refer_to_the_users_cell(line: int | None, users: int | None) -> None:
    assert Place(role="user", code=USER).line(line) == users


def reply(name: str, value: str, *traceback: str) -> dict[str, Any]:
    return {"ename": name, "evalue": value, "traceback": list(traceback)}


def test_the_line_is_read_from_ipythons_traceback_if_the_kernel_reports_no_line() -> None:
    frames = "Cell In[7], line 1\n----> 1 f()", "Cell In[3], line 2, in f()"
    error = failure.raised(Place(role="user", code=USER), 7, reply("E", "x", *frames), {})
    assert (error.cell, error.line) == (5, 4)


def test_the_users_error_is_the_kernels_report_of_a_value() -> None:
    report = {"error": {"code": "ITH512", "message": "x is a socket", "cure": "close it"}}
    error = failure.raised(Place(role="save"), 9, reply("ValueProblem", "…"), report)
    assert (error.code, error.message, error.cure) == ("ITH512", "x is a socket", "close it")
    assert (error.name, error.value) == ("", "")


def test_an_error_of_a_value_is_one_message_even_without_a_report() -> None:
    content = reply("ValueProblem", "ITH512: x is a socket → close it")
    error = failure.raised(Place(role="save"), 9, content, {})
    assert (error.code, error.message, error.cure) == ("ITH512", "x is a socket", "close it")
    assert (error.name, error.value) == ("", "")


def test_an_exception_without_text_is_its_name() -> None:
    error = failure.raised(Place(role="user", code=USER), 1, reply("KeyboardInterrupt", ""), {})
    assert error.message == "KeyboardInterrupt"


def test_a_full_disk_in_a_cell_has_a_cure() -> None:
    content = reply("OSError", "[Errno 28] No space left on device: 'x'")
    assert "free some space" in failure.raised(Place(role="user", code=USER), 1, content, {}).cure
