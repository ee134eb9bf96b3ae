from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

import notebooks
from ithaca.compiling.compile import check
from ithaca.compiling.compile import compile as compiled
from ithaca.compiling.load import from_json, schema
from ithaca.errors import NotebookError, UsageError

CORPUS = Path(__file__).parent / "corpus"
NOTEBOOKS = [
    "chain.ipynb",
    "diamond.ipynb",
    "kale.ipynb",
    "settings.ipynb",
    "ipython.ipynb",
    "composed/main.ipynb",
    "composed/ordered.ipynb",
]
TITLES = [name.removesuffix(".ipynb").replace("/", "-") for name in NOTEBOOKS]


class GoldenIR(SingleFileSnapshotExtension):
    """One `.json` a notebook, which can be read and compared as what `ithaca compile` prints."""

    _write_mode = WriteMode.TEXT
    file_extension = "json"


@pytest.fixture
def golden(snapshot):
    return snapshot.use_extension(GoldenIR)


@pytest.fixture
def notebook(tmp_path):
    def notebook(*cells, **metadata):
        listed = [notebooks.code_cell(source, tags) for source, *tags in cells]
        path = tmp_path / "nb.ipynb"
        path.write_text(json.dumps(notebooks.notebook(listed, metadata=metadata)))
        return path

    return notebook


@pytest.mark.parametrize("name", NOTEBOOKS, ids=TITLES)
def test_a_notebook_of_the_corpus_compiles_to_the_golden_ir(name, golden):
    checked = check(CORPUS / name, root=CORPUS)
    assert checked.errors == ()
    assert checked.workflow is not None
    assert checked.workflow.to_json() == golden


@pytest.mark.parametrize("name", NOTEBOOKS, ids=TITLES)
def test_every_golden_ir_is_valid_by_the_schema_and_loads(name):
    workflow = compiled(CORPUS / name, root=CORPUS)
    text = workflow.to_json()
    jsonschema.Draft202012Validator(schema()).validate(json.loads(text))
    assert from_json(text) == workflow


COMPILE_ALL = """
import sys
from pathlib import Path
from ithaca.compiling.compile import compile
for name in sys.argv[2:]:
    sys.stdout.write(compile(Path(sys.argv[1]) / name, root=Path(sys.argv[1])).to_json())
"""


def compiled_by(python, seed, *, corpus=CORPUS, cwd=None, path=None):
    env = {**os.environ, "PYTHONHASHSEED": seed}
    if path:
        env["PYTHONPATH"] = path
    done = subprocess.run(
        [python, "-c", COMPILE_ALL, str(corpus), *NOTEBOOKS],
        capture_output=True, text=True, env=env, cwd=cwd,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def compiled_here():
    return "".join(compiled(CORPUS / name, root=CORPUS).to_json() for name in NOTEBOOKS)


@pytest.mark.parametrize("seed", ["0", "1", "4294967295"])
def test_the_ir_is_the_same_under_every_hash_seed(seed):
    assert compiled_by(sys.executable, seed) == compiled_here()


def test_the_ir_is_the_same_in_another_folder(tmp_path):
    moved = shutil.copytree(CORPUS, tmp_path / "elsewhere")
    assert compiled_by(sys.executable, "random", corpus=moved, cwd=tmp_path) == compiled_here()


def other_pythons():
    """Interpreters that can import what compile needs: of the path, and those that are named."""
    plugin = str(Path(__file__).parents[2] / "plugin")
    named = os.environ.get("ITHACA_TEST_PYTHONS", "").split(os.pathsep)
    found = [shutil.which(f"python3.{minor}") for minor in (11, 12, 13, 14)]
    for python in filter(None, [*named, *found]):
        probe = subprocess.run(
            [python, "-c", "import ithaca.compiling.compile, blake3"],
            capture_output=True, env={**os.environ, "PYTHONPATH": plugin},
        )  # fmt: skip
        if probe.returncode == 0:
            yield python, plugin


@pytest.mark.slow
def test_the_ir_is_the_same_on_every_installed_python():
    for python, plugin in other_pythons():
        assert compiled_by(python, "0", path=plugin) == compiled_here()


def test_running_the_notebook_does_not_change_the_ir(tmp_path):
    text = (CORPUS / "chain.ipynb").read_text()
    content = json.loads(text)
    for number, cell in enumerate(content["cells"]):
        cell["id"] = f"cell-{number}"
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "out"}]
    for folder, written in (("before", text), ("after", json.dumps(content))):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "chain.ipynb").write_text(written)
    before = compiled(tmp_path / "before" / "chain.ipynb", root=tmp_path / "before")
    after = compiled(tmp_path / "after" / "chain.ipynb", root=tmp_path / "after")
    assert before.to_json() == after.to_json()


def test_steps_are_in_workflow_order_with_their_needs_sorted():
    workflow = compiled(CORPUS / "diamond.ipynb", root=CORPUS)
    assert [step.name for step in workflow.steps] == ["load", "left", "right", "join", "report"]
    assert workflow.step("join").needs == ("left", "right")
    assert workflow.ancestors("report") == ("load", "left", "right", "join")


def test_the_ir_contains_kales_search():
    workflow = compiled(CORPUS / "kale.ipynb", root=CORPUS)
    assert workflow.study.format == "katib"
    assert workflow.study.content["parameters"][0]["name"] == "ROUNDS"
    assert workflow.step("train").resources.limits == {"nvidia.com/gpu": "1"}
    assert workflow.step("load_data").labels == {"access-ml-pipeline": "true"}


def test_all_problems_are_found_at_once_and_in_reading_order(notebook):
    path = notebook(
        ("a = 1", "step:a"),
        ("def (", "step:b", "prev:a"),
        ("c = nowhere", "bock:c", "prev:a", "timeout:soon"),
        ("print(a)", "step:d", "prev:aa"),
    )
    checked = check(path)
    assert checked.workflow is None
    places = [(found.cell, found.severity) for found in checked.diagnostics]
    assert places == sorted(places, key=lambda place: place[0])
    cells = {found.cell for found in checked.errors}
    assert cells >= {2, 3, 4}
    assert {"ITH110", "ITH111", "ITH120"} <= {found.code for found in checked.errors}
    assert {found.notebook for found in checked.diagnostics} == {str(path)}


PROBLEMS = (
    ("lr = float('1')", "pipeline-parameters"),
    ("a = [1]", "step:a"),
    ("x = = 1", "step:b"),
    ("y = 1\ndel y\nprint(y)\nprint(a, nowhere)", "step:c", "prev:a"),
    ("print(nothing)", "pipeline-metrics"),
)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (("p = 1", "step:p", "prev:nope"), "ITH120"),
        (("p = 1", "step:p", "prev:p"), "ITH121"),
        (("p = 1", "step:p", "step:q"), "ITH114"),
        (("p = 1", "step:p", "limit:cpu"), "ITH111"),
    ],
)
def test_wrong_tags_do_not_hide_problems_of_the_code(notebook, wrong, code):
    found = [(each.cell, each.code) for each in check(notebook(*PROBLEMS, wrong)).errors]
    assert found == [
        (1, "ITH301"),
        (3, "ITH201"),
        (4, "ITH203"),
        (4, "ITH202"),
        (5, "ITH310"),
        (6, code),
    ]


def test_without_steps_the_cells_are_still_checked(notebook):
    checked = check(notebook(("lr = float('1')", "pipeline-parameters"), ("print(a)\nx = = 1",)))
    assert [each.code for each in checked.errors] == ["ITH107", "ITH301", "ITH201"]
    checked = check(notebook(("print(a)\nx = = 1",)))
    assert [each.code for each in checked.errors] == ["ITH107", "ITH201"]


def test_consequences_of_a_wrong_tag_are_not_reported(notebook):
    wrong_need = check(notebook(("a = 1", "step:a"), ("print(a)", "step:b", "prev:aa")))
    assert [each.code for each in wrong_need.errors] == ["ITH120"]
    missing = check(
        notebook(
            ("", "notebook:other"), ("print(b)", "step:c", "prev:other"), ("b", "pipeline-metrics")
        )
    )
    assert [each.code for each in missing.errors] == ["ITH130"]


def test_a_syntax_error_has_its_cell_and_line(notebook):
    (found,) = check(notebook(("a = 1\nb = (", "step:a"))).errors
    assert (found.cell, found.line) == (1, 2)


def test_a_name_that_is_never_bound_is_an_error(notebook):
    errors = check(notebook(("a = 1", "step:a"), ("print(b)", "step:b", "prev:a"))).errors
    assert [(found.cell, found.line) for found in errors] == [(2, 1)]


def test_compile_raises_with_everything_that_check_finds(notebook):
    path = notebook(("a", "bock:a"), ("b = 1", "step:B"))
    with pytest.raises(NotebookError) as caught:
        compiled(path)
    assert caught.value.exit_code == 3
    assert caught.value.diagnostics == check(path).diagnostics


def test_steps_in_a_circle_are_reported_without_problems_of_values(notebook):
    path = notebook(("a = b", "step:a", "prev:b"), ("b = a", "step:b", "prev:a"))
    assert [found.code for found in check(path).errors] == ["ITH121"]


def test_a_file_of_another_kind_gets_a_diagnostic(tmp_path):
    (tmp_path / "nb.ipynb").write_text("{")
    checked = check(tmp_path / "nb.ipynb")
    assert [found.code for found in checked.diagnostics] == ["ITH100"]


def test_a_missing_file_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError) as caught:
        check(tmp_path / "none.ipynb")
    assert caught.value.exit_code == 2


def test_diagnostics_name_the_path_as_it_was_given(notebook, monkeypatch):
    path = notebook(("print(b)", "bock:b"))
    monkeypatch.chdir(path.parent)
    assert {found.notebook for found in check("./nb.ipynb").diagnostics} == {"./nb.ipynb"}


def test_compiling_loads_nothing_heavy():
    code = (
        "import sys; from ithaca.compiling.compile import compile; "
        f"compile({str(CORPUS / 'diamond.ipynb')!r}); "
        "print(sorted({'nbformat', 'IPython', 'rich', 'papermill', 'jsonschema', 'cloudpickle', "
        "'nbclient', 'jupyter_client'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
