from __future__ import annotations

import json
import subprocess
import sys

import jsonschema
import pytest

from ithaca.cli.diagnostics import FORMATS, counts, render
from ithaca.cli.diagnostics.places import Places
from ithaca.diagnostics import Diagnostic

FOUND = Diagnostic(
    code="ITH201", severity="error", message="the name `dta` is never bound",
    cure="did you mean `data`?", notebook="train.ipynb", cell=3, line=2, column=9, end_column=12,
    source="x = len(dta)",
)  # fmt: skip
NOTICE = Diagnostic(code="ITH142", severity="notice", message="not mounted", notebook="train.ipynb")


def test_text_shows_place_message_source_caret_and_cure():
    assert render([FOUND], notebook="train.ipynb") == (
        "train.ipynb cell 3 line 2: error ITH201: the name `dta` is never bound\n"
        "    2 │ x = len(dta)\n"
        "      │         ^^^\n"
        "  → did you mean `data`?\n"
        "\n"
        "train.ipynb: 1 error\n"
    )


def test_text_without_problems_says_so():
    assert render([], notebook="a.ipynb") == "a.ipynb: no problems found\n"


def test_text_counts_each_severity():
    assert render([FOUND, FOUND, NOTICE], notebook="a").splitlines()[-1] == (
        "a: 2 errors, 1 notice"
    )


def caret(source, column, end_column=None):
    shown = render([Diagnostic(code="ITH1", severity="error", message="m", source=source,
                               column=column, end_column=end_column)]).splitlines()  # fmt: skip
    return shown[1].partition("│ ")[2], shown[2].partition("│ ")[2]


@pytest.mark.parametrize(
    ("source", "column", "end", "below"),
    [
        ("\tx = dta", 6, 9, "        ^^^"),
        ("名前 = dta", 6, 9, "       ^^^"),
        ("x = dta", 5, None, "    ^"),
        ("x = dta", 5, 99, "    ^^^"),
        ("x = f(", 7, 7, "      ^"),
        ("x", 40, 41, " ^"),
    ],
)
def test_the_caret_is_below_the_problem(source, column, end, below):
    assert caret(source, column, end)[1] == below


def test_a_notebook_cannot_control_the_terminal():
    shown = render([
        Diagnostic(code="ITH1", severity="error", message="\x1b[2Jgone", source="'\x1b]0;t\x07'")
    ], color=False)  # fmt: skip
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_brackets_in_messages_are_no_markup():
    shown = render([Diagnostic(code="ITH1", severity="error", message="[red]x[/red] :smile:")])
    assert "[red]x[/red] :smile:" in shown


def test_text_is_coloured_on_request_only():
    assert "\x1b[" not in render([FOUND])
    assert "\x1b[" in render([FOUND], color=True)


def test_json_is_one_object_without_unknown_fields():
    content = json.loads(render([FOUND, NOTICE], "json", notebook="train.ipynb"))
    assert content["notebook"] == "train.ipynb"
    assert content["ok"] is False
    assert content["counts"] == {"error": 1, "warning": 0, "notice": 1}
    assert content["diagnostics"][0]["end_column"] == 12
    assert "cell" not in content["diagnostics"][1]


def test_counts_name_every_severity():
    assert counts([NOTICE]) == {"error": 0, "warning": 0, "notice": 1}


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """A notebook as Jupyter writes it, and its path relative to the current folder."""
    monkeypatch.chdir(tmp_path)
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# \"cells\": [{\n", "b"]},
        {"cell_type": "code", "execution_count": None, "metadata": {"tags": ["step:a"]},
         "outputs": [{"data": {"source": ["x\n", "y"]}}], "source": ["a = 1\n", "b = 2\n", "c"]},
        {"cell_type": "code", "metadata": {}, "source": "one\nstring", "outputs": []},
    ]  # fmt: skip
    text = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}, indent=1)
    (tmp_path / "nb.ipynb").write_text(text)
    return "nb.ipynb", text.splitlines()


def test_a_line_of_a_cell_is_found_in_the_file(notebook):
    path, lines = notebook
    assert '"b = 2\\n"' in lines[Places().line(path, 2, 2) - 1]
    assert '"c"' in lines[Places().line(path, 2, 3) - 1]


def test_a_cell_is_found_in_the_file(notebook):
    path, lines = notebook
    begin = Places().line(path, 2, None)
    assert lines[begin - 1].strip() == "{"
    assert '"code"' in lines[begin]


def test_a_source_of_one_string_is_found_by_its_cell(notebook):
    path, _ = notebook
    assert Places().line(path, 3, 2) == Places().line(path, 3, None)


def test_a_place_that_cannot_be_found_is_the_first_line(tmp_path):
    (tmp_path / "bad").write_text("]}{")
    assert Places().line(str(tmp_path / "bad"), 1, 1) == 1
    assert Places().line(str(tmp_path / "none"), 1, 1) == 1
    assert Places().line("none", None, None) == 1


def test_github_commands_name_file_line_and_code(notebook):
    path, lines = notebook
    found = Diagnostic(code="ITH201", severity="warning", message="50% a, b: c\nd", cure="do",
                       notebook=path, cell=2, line=2)  # fmt: skip
    line = 1 + next(i for i, text in enumerate(lines) if "b = 2" in text)
    assert render([found], "github") == (
        f"::warning file=nb.ipynb,line={line},title=ITH201::"
        "cell 2 line 2: 50%25 a, b: c%0Ad%0A→ do\n"
    )


def test_github_properties_are_escaped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = Diagnostic(code="ITH1", severity="error", message="m", notebook="a,b:c.ipynb")
    assert render([found], "github") == ("::error file=a%2Cb%3Ac.ipynb,line=1,title=ITH1::m\n")


def test_an_absolute_path_becomes_relative_to_the_current_folder(notebook, tmp_path):
    found = Diagnostic(
        code="ITH1", severity="error", message="m", notebook=str(tmp_path / "nb.ipynb")
    )
    assert "file=nb.ipynb," in render([found], "github")


SARIF = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "runs": {"type": "array", "minItems": 1, "items": {
            "type": "object", "required": ["tool", "results"], "properties": {
                "tool": {"type": "object", "required": ["driver"], "properties": {
                    "driver": {"type": "object", "required": ["name"]}}},
                "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                "results": {"type": "array", "items": {
                    "type": "object", "required": ["message"], "properties": {
                        "level": {"enum": ["none", "note", "warning", "error"]},
                        "ruleIndex": {"type": "integer", "minimum": 0},
                        "message": {"type": "object", "required": ["text"]},
                        "locations": {"type": "array", "items": {
                            "type": "object", "required": ["physicalLocation"],
                        }}}}}}}},
    },
}  # fmt: skip
"""The part of SARIF 2.1.0's own schema that the output touches."""


def test_sarif_has_the_form_of_2_1_0(notebook):
    path, lines = notebook
    found = Diagnostic(code="ITH201", severity="error", message="m", cure="c", notebook=path,
                       cell=2, line=1, source="a = 1")  # fmt: skip
    log = json.loads(render([NOTICE, found], "sarif"))
    jsonschema.validate(log, SARIF)
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["ITH142", "ITH201"]
    first, second = run["results"]
    assert (first["level"], first["ruleIndex"]) == ("note", 0)
    location = second["locations"][0]
    assert location["physicalLocation"]["artifactLocation"] == {"uri": "nb.ipynb"}
    region = location["physicalLocation"]["region"]
    assert "a = 1" in lines[region["startLine"] - 1]
    assert region["snippet"] == {"text": "a = 1"}
    assert location["logicalLocations"][0]["name"] == "cell 2"


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_renders_no_diagnostics(form):
    assert isinstance(render([], form), str)


@pytest.mark.parametrize("form", ["json", "github", "sarif"])
def test_rich_is_imported_for_text_only(form):
    code = (
        "import sys; from ithaca.cli.diagnostics import render; "
        f"render([], {form!r}); print('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
