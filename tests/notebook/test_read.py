from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from notebook_files import as_notebook

from ithaca.errors import NotebookError, UsageError
from ithaca.notebook import outline, read


def refused(path):
    with pytest.raises(NotebookError) as caught:
        read(path)
    (found,) = caught.value.diagnostics
    assert found.severity == "error"
    assert found.cure
    assert found.notebook == str(path)
    return found


def unusable(path, **kwargs):
    with pytest.raises(UsageError) as caught:
        read(path, **kwargs)
    assert caught.value.cure
    assert caught.value.where == str(path)
    return caught.value


@pytest.fixture
def file(tmp_path):
    def file(content):
        path = tmp_path / "nb.ipynb"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return file


def test_cells_keep_number_source_tags_and_metadata(file):
    raw = read(file(as_notebook(("a = 1\nb = 2\n", "step:a", "mine"), title="x")))
    (cell,) = raw.cells
    assert (cell.number, cell.source, cell.tags) == (1, "a = 1\nb = 2\n", ("step:a", "mine"))
    assert cell.metadata == {"tags": ["step:a", "mine"]}
    assert cell.notebook == raw.relative == "nb.ipynb"
    assert raw.metadata == {"title": "x"}


def test_a_source_may_be_one_string(file):
    cell = {"cell_type": "code", "metadata": {}, "source": "a\nb", "outputs": []}
    assert read(file(as_notebook(cell))).cells[0].source == "a\nb"


def test_outputs_are_not_read(file):
    cell = {
        "cell_type": "code", "metadata": {}, "source": "a", "execution_count": "wrong",
        "outputs": [{"data": {"text/plain": "x" * 1000}, "output_type": 3}],
    }  # fmt: skip
    assert read(file(as_notebook(cell))).cells[0].source == "a"


def test_nan_in_an_output_is_accepted_as_jupyter_writes_it(file):
    cell = {
        "cell_type": "code", "metadata": {}, "source": "a",
        "outputs": [{"data": {"application/json": float("nan")}}],
    }  # fmt: skip
    assert read(file(as_notebook(cell))).cells[0].source == "a"


def test_a_byte_order_mark_is_accepted(file):
    path = file(b"\xef\xbb\xbf" + json.dumps(as_notebook(("a", "step:a"))).encode())
    assert len(read(path).cells) == 1


def test_the_path_is_relative_to_the_git_root(tmp_path):
    (tmp_path / ".git").mkdir()
    path = tmp_path / "deep" / "er" / "nb.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(as_notebook(("a", "step:a"))))
    raw = read(path)
    assert (raw.root, raw.relative) == (tmp_path, "deep/er/nb.ipynb")


def test_without_git_the_root_is_the_notebooks_folder(file):
    raw = read(file(as_notebook(("a", "step:a"))))
    assert raw.root == raw.path.parent


def test_a_notebook_outside_of_the_given_root_is_refused(file, tmp_path):
    assert unusable(file(as_notebook()), root=tmp_path / "other").code == "ITH195"


def test_the_kernel_is_that_of_the_metadata(file):
    assert read(file(as_notebook())).kernel == "python3"
    named = as_notebook(kernelspec={"name": "conda-env", "language": "python"})
    assert read(file(named)).kernel == "conda-env"


def test_a_missing_file_is_refused(tmp_path):
    assert unusable(tmp_path / "none.ipynb").message == "no such notebook"


def test_a_folder_is_refused(tmp_path):
    assert unusable(tmp_path).message == "this is a folder, not a notebook"


def test_a_path_through_a_file_is_a_missing_file(file):
    assert unusable(file(b"{}") / "x.ipynb").code == "ITH191"


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "nb.ipynb")
    assert unusable(tmp_path / "nb.ipynb").code == "ITH192"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_refused(file):
    path = file(b"{}")
    path.chmod(0)
    assert "Permission denied" in unusable(path).message


def test_a_huge_file_is_refused_before_it_is_read(file):
    path = file(b"")
    os.truncate(path, 600 * 1024 * 1024)
    error = unusable(path)
    assert error.code == "ITH194"
    assert "clear its outputs" in error.cure


@pytest.mark.parametrize("content", [b"", b"  \n"])
def test_an_empty_file_is_refused(file, content):
    found = refused(file(content))
    assert (found.code, found.message) == ("ITH100", "the file is empty")


def test_invalid_json_is_refused_with_its_place(file):
    found = refused(file(b'{\n "cells": [\n<<<<<<< HEAD\n'))
    assert found.code == "ITH100"
    assert "line 3, column 1" in found.message
    assert "merge" in found.cure


@pytest.mark.parametrize("content", [b"import os\n", b"%PDF-1.7", b'{"a": }'])
def test_invalid_json_is_refused(file, content):
    assert refused(file(content)).code == "ITH100"


def test_invalid_utf8_is_refused_with_its_place(file):
    content = json.dumps(as_notebook(("a", "step:a")), indent=1).encode()
    found = refused(file(content.replace(b'"a"', b'"\xe4"')))
    assert found.code == "ITH102"
    assert "byte 0xe4" in found.message


def test_utf16_is_refused(file):
    assert refused(file(json.dumps(as_notebook()).encode("utf-16"))).code == "ITH102"


@pytest.mark.parametrize(
    "content",
    [[], "x", 1, {}, {"cells": []}, {"nbformat": 4}, {"nbformat": 4, "cells": {}}, None,
     {"nbformat": "4", "cells": []}, {"nbformat": 4, "cells": [], "metadata": []}],
)  # fmt: skip
def test_json_of_another_kind_is_refused(file, content):
    assert refused(file(content)).code == "ITH101"


def test_deeply_nested_json_is_refused(file):
    assert refused(file(b"[" * 100_000)).code in ("ITH100", "ITH101")


@pytest.mark.parametrize(
    "cell", [1, {"source": 1}, {"source": [1]}, {"cell_type": 1}, {"metadata": "x"}]
)
def test_a_damaged_cell_is_named(file, cell):
    notebook = as_notebook(("a", "step:a"))
    notebook["cells"].append(cell)
    found = refused(file(notebook))
    assert (found.code, found.cell) == ("ITH101", 2)


def test_half_a_character_is_refused_with_its_line(file):
    found = refused(file(as_notebook(("a",), ("b\nc = '\ud83d'", "step:a"))))
    assert (found.code, found.cell, found.line) == ("ITH102", 2, 2)


def test_half_a_character_in_an_output_is_ignored(file):
    cell = {
        "cell_type": "code", "metadata": {}, "source": "a", "outputs": [{"text": "\ud83d"}],
    }  # fmt: skip
    assert read(file(as_notebook(cell))).cells


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"name": "ir", "language": "R"}},
        {"language_info": {"name": "julia"}},
        {"kernelspec": {"name": "x"}, "language_info": {"name": "bash"}},
    ],
)
def test_a_kernel_of_another_language_is_refused(file, metadata):
    found = refused(file(as_notebook(("a", "step:a"), **metadata)))
    assert found.code == "ITH105"
    assert "not Python" in found.message


@pytest.mark.parametrize("metadata", [{"kernelspec": None}, {"kernelspec": []}, {"kernelspec": 1}])
def test_an_odd_kernelspec_is_ignored(file, metadata):
    assert read(file(as_notebook(("a", "step:a"), **metadata))).kernel == "python3"


def test_a_newer_notebook_format_is_refused(file):
    found = refused(file({"nbformat": 5, "cells": [], "metadata": {}}))
    assert (found.code, "reads up to 4" in found.message) == ("ITH104", True)


def test_format_3_is_upgraded_with_a_notice(file):
    old = {
        "nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "old"},
        "worksheets": [{"metadata": {}, "cells": [
            {"cell_type": "code", "collapsed": False, "input": ["a = 1"], "language": "python",
             "metadata": {"tags": ["block:load"]}, "outputs": [], "prompt_number": 1},
        ]}],
    }  # fmt: skip
    tagged, (notice,) = outline(read(file(old)))
    assert (notice.code, notice.severity) == ("ITH103", "notice")
    assert [step.name for step in tagged.steps] == ["load"]
    assert tagged.steps[0].cells[0].source == "a = 1"


def test_format_2_is_upgraded_with_a_notice(file):
    old = {
        "nbformat": 2, "metadata": {"name": "old"},
        "worksheets": [{"cells": [
            {"cell_type": "code", "input": "a = 1", "language": "python", "outputs": []},
        ]}],
    }  # fmt: skip
    raw = read(file(old))
    assert [notice.code for notice in raw.diagnostics] == ["ITH103"]
    assert raw.cells[0].source == "a = 1"


def test_an_old_format_that_cannot_be_upgraded_is_refused(file):
    found = refused(file({"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code"}]}]}))
    assert (found.code, "cannot be upgraded" in found.message) == ("ITH104", True)


def test_importing_and_outlining_loads_nothing_heavy(file):
    path = file(as_notebook(("a", "step:a")))
    code = (
        "import sys; from pathlib import Path; from ithaca.notebook import outline, read; "
        f"outline(read(Path({str(path)!r}))); "
        "print({'nbformat', 'IPython', 'rich', 'papermill', 'jsonschema', 'click'} "
        "& set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
