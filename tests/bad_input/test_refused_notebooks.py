from __future__ import annotations

import json
from typing import Any

import pytest
from user_project import Project

from notebooks import Cell

WORKSHEET: dict[str, Any] = {
    "cells": [{"cell_type": "code", "input": "x = 1", "language": "python", "outputs": []}]
}

FILES = {
    "not JSON": (b"print('hello')", "ITH100", "line 1"),
    "a merge conflict": (
        b'{"cells": [\n<<<<<<< HEAD\n',
        "ITH100",
        "line 2",
        "resolve merge conflicts",
    ),
    "empty": (b"", "ITH100", "empty"),
    "not text": (b"\x89PNG\xff", "ITH102", "UTF-8"),
    "not a notebook": (b'{"a": 1}', "ITH101", "no `nbformat`"),
    "a list": (b"[1]", "ITH101", "not an object"),
    "without cells": (b'{"nbformat": 4, "metadata": {}}', "ITH101", "no `cells`"),
    "a newer format": (b'{"nbformat": 5, "cells": []}', "ITH104", "reads up to 4"),
    "a damaged old format": (b'{"nbformat": 3, "worksheets": 7}', "ITH104", "upgraded"),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_not_a_notebook_is_refused(project: Project, kind: str) -> None:
    data, code, *parts = FILES[kind]
    (project.root / "nb.ipynb").write_bytes(data)
    for command in ("check", "run"):
        project.ithaca(command, "nb.ipynb").assert_error(code, "nb.ipynb", *parts, exit_code=3)


def test_a_notebook_of_format_2_is_upgraded_with_a_notice(project: Project) -> None:
    old = {"nbformat": 2, "nbformat_minor": 0, "metadata": {}, "worksheets": [WORKSHEET]}
    (project.root / "nb.ipynb").write_text(json.dumps(old))
    answer = project.ithaca("check", "nb.ipynb")
    answer.assert_error("ITH107", "`step:NAME`", exit_code=3)
    assert "notice ITH103: the notebook has format 2" in answer.output


def test_a_notebook_of_format_3_is_upgraded_with_its_tags(project: Project) -> None:
    cell = {**WORKSHEET["cells"][0], "metadata": {"tags": ["step:a"]}}
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {},
        "worksheets": [{"cells": [cell], "metadata": {}}],
    }
    (project.root / "nb.ipynb").write_text(json.dumps(old))
    answer = project.ithaca("check", "nb.ipynb")
    assert answer.code == 0
    assert "notice ITH103: the notebook has format 3" in answer.output
    assert json.loads(project.ithaca("compile", "nb.ipynb").out)["steps"][0]["name"] == "a"


CELLS: dict[str, tuple[list[Cell], str, list[str]]] = {
    "no tags": ([("", "x = 1"), ("", "print(x)")], "ITH107", ["`step:NAME`"]),
    "a typo in a tag": (
        [("bock:load", "x = 1")],
        "ITH110",
        ["cell 1", 'did you mean "block:load"?'],
    ),
    "an unknown step in prev": (
        [("step:load", "x = 1"), ("step:b prev:lod", "y = 1")],
        "ITH120",
        ["cell 2", "lod", 'did you mean "load"?'],
    ),
    "a cycle": (
        [("step:a prev:b", "x = 1"), ("step:b prev:a", "y = 1")],
        "ITH121",
        ["a → b → a"],
    ),
    "names that clash in a cluster": (
        [("step:a_b", "x = 1"), ("step:_a_b", "y = 1")],
        "ITH122",
        ["cell 2", "_a_b", "cell 1", '"a-b"'],
    ),
    "a syntax error": (
        [("step:a", "x = 1\ny = (1,\n")],
        "ITH201",
        ["cell 1 line 2", "y = (1,", "^", "was never closed"],
    ),
    "a name that a later step binds": (
        [("step:a", "x = 1"), ("step:b prev:a", "print(y)"), ("step:c", "y = 1")],
        "ITH202",
        ["cell 2 line 1", "step `b` reads `y`", "step `c` binds it in cell 3", "`prev:c`"],
    ),
    "a name that nothing binds": (
        [("step:a", "print(nowhere)")],
        "ITH202",
        ["cell 1 line 1", "step `a` reads `nowhere`", "nothing in the notebook binds it"],
    ),
    "a metric that nothing binds": (
        [("step:a", "x = 1"), ("pipeline-metrics", "print(loss)")],
        "ITH310",
        ["cell 2 line 1", "`loss`"],
    ),
}


@pytest.mark.parametrize("kind", CELLS)
def test_a_wrong_notebook_is_refused_with_cell_reason_and_cure(project: Project, kind: str) -> None:
    cells, code, parts = CELLS[kind]
    project.notebook(*cells)
    for command in ("check", "run"):
        project.ithaca(command, "nb.ipynb").assert_error(code, "nb.ipynb", *parts, exit_code=3)


def test_all_problems_are_reported_at_once(project: Project) -> None:
    project.notebook(("bock:a", "x = 1"), ("step:b prv:a", "y = ("), ("step:c prev:d", "print(z)"))
    answer = project.ithaca("check", "nb.ipynb")
    assert set(answer.codes) == {"ITH110", "ITH120", "ITH201", "ITH202"}
    assert answer.code == 3


def test_a_notebook_of_another_language_is_refused(project: Project) -> None:
    kernel = {"name": "ir", "display_name": "R", "language": "R"}
    project.notebook(("step:a", "x <- 1"), metadata={"kernelspec": kernel})
    answer = project.ithaca("run", "nb.ipynb")
    answer.assert_error("ITH105", "nb.ipynb", "is for R, not Python", exit_code=3)


def test_a_missing_kernel_is_named_with_the_installed_ones(project: Project) -> None:
    kernel = {"name": "gone", "display_name": "Gone", "language": "python"}
    project.notebook(("step:a", "x = 1"), metadata={"kernelspec": kernel})
    answer = project.ithaca("run", "nb.ipynb")
    answer.assert_error("ITH534", "`gone`", "installed kernels", "--python", exit_code=2)
