"""Values are described without loading them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from ithaca import values
from ithaca.errors import Corrupt, NotFound, StoreError
from ithaca.kernel import install

SAVE = """
import ithaca_kernel; ithaca_kernel.load()
import numpy as np
x = np.zeros((10, 2)); row = x[0]; n = 1; lost = 2
import ithaca_kernel; ithaca_kernel.save()
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("values")
    names = ["x", "row", "n", "lost"]
    step = folder / "step.json"
    document = {
        "root": str(folder / "root"),
        "report": str(folder / "report.json"),
        "writes": names,
    }
    (folder / "root").mkdir()
    step.write_text(json.dumps(document))
    subprocess.run(
        [sys.executable, "-c", SAVE],
        env={**os.environ, "PYTHONPATH": str(install(folder / "k")), "ITHACA_STEP": str(step)},
        cwd=folder / "root",
        check=True,
    )
    folder = folder / "root"
    (folder / values.VOLUME / "names" / "lost.json").write_text('{"conflict": ["left", "right"]}')
    (folder / values.VOLUME / "names" / "gone.json").write_text('{"deleted": true}')
    return folder


def test_every_name_is_described(root):
    document = {value.name: value for value in values.read_folder(root)}
    assert list(document) == ["gone", "lost", "n", "row", "x"]
    assert (document["x"].type, document["x"].shape, document["x"].shared_with) == (
        "numpy.ndarray",
        (10, 2),
        ("row",),
    )
    assert (document["n"].type, document["n"].shape) == ("int", None)
    assert document["x"].size >= 160
    assert document["gone"].state == "deleted"
    assert document["lost"].conflict == ("left", "right")


def test_a_missing_object_is_named(tmp_path):
    names = tmp_path / values.VOLUME / "names"
    names.mkdir(parents=True)
    (names / "a.json").write_text('{"object": "ab", "place": "a"}')
    with pytest.raises(NotFound, match="objects/ab"):
        values.read_folder(tmp_path)


def test_a_folder_without_values_has_none(tmp_path):
    assert values.read_folder(tmp_path) == ()


def test_invalid_documents_are_corrupt():
    for read in (values.pointer_from_json, values.document_from_json):
        with pytest.raises(Corrupt):
            read(b"{")


def test_a_newer_format_is_refused_with_the_cure():
    document = {"format": 2, "python": "3.12", "names": {}, "pickle": {"size": 0, "digest": ""}}
    with pytest.raises(StoreError, match="format 2") as caught:
        values.document_from_json(json.dumps(document).encode())
    assert caught.value.cure
