from __future__ import annotations

import copy
import json

import pytest
from notebook_files import as_notebook

from ithaca.notebook import outline, read


@pytest.fixture
def digest(tmp_path):
    def digest(notebook, name="nb.ipynb"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(notebook))
        return outline(read(path, root=tmp_path))[0].digest

    return digest


NOTEBOOK = as_notebook(("a = 1", "step:a"), ("b = 2",), kernelspec={"name": "python3"})


def test_outputs_counts_and_ids_do_not_change_the_digest(digest):
    run = copy.deepcopy(NOTEBOOK)
    run["cells"][0] |= {"outputs": [{"output_type": "stream"}], "execution_count": 7, "id": "x"}
    assert digest(run) == digest(NOTEBOOK)


def test_metadata_of_a_run_does_not_change_the_digest(digest):
    run = copy.deepcopy(NOTEBOOK)
    run["cells"][0]["metadata"]["execution"] = {"iopub.execute_input": "2026-01-01"}
    run["cells"][0]["metadata"]["papermill"] = {"duration": 1}
    run["metadata"]["language_info"] = {"name": "python", "version": "3.12.1"}
    assert digest(run) == digest(NOTEBOOK)


def test_the_form_of_the_json_does_not_change_the_digest(digest):
    other = copy.deepcopy(NOTEBOOK)
    other["cells"][0]["source"] = "a = 1"
    other["metadata"] = dict(reversed(other["metadata"].items()))
    assert digest(other) == digest(NOTEBOOK)


def test_the_path_of_the_notebook_does_not_change_the_digest(digest):
    assert digest(NOTEBOOK, "other/name.ipynb") == digest(NOTEBOOK)


@pytest.mark.parametrize(
    "change",
    [
        lambda nb: nb["cells"][0].update(source="a = 2"),
        lambda nb: nb["cells"][0]["metadata"]["tags"].append("x"),
        lambda nb: nb["cells"].reverse(),
        lambda nb: nb["metadata"].update(ithaca={}),
        lambda nb: nb["cells"][1].update(cell_type="raw"),
    ],
)
def test_the_users_source_changes_the_digest(digest, change):
    changed = copy.deepcopy(NOTEBOOK)
    change(changed)
    assert digest(changed) != digest(NOTEBOOK)
