"""Only changed values are written again; deleted names become tombstones."""

from __future__ import annotations

import os

MANY = (
    "import numpy as np\n"
    "class K:\n    def f(self): return 1\n"
    "numbers = [1, 2.5, 'x', (1, 2)]; x = np.arange(1000.); v = x[3:]; k = K(); s = {'a', 'b'}\n"
    "def g(a, b=numbers): return a\n"
)
NAMES = "numbers x v k K s g"


def files_of(chain):
    return {p: p.stat().st_mtime_ns for p in (chain.values / "objects").rglob("*") if p.is_file()}


def test_unchanged_values_keep_pointers_and_files(chain):
    chain.step(MANY, writes=NAMES)
    pointers, files = chain.pointers(), files_of(chain)
    report = chain.step("repr(x); g(1); k.f(); len(s)", reads=NAMES, writes=NAMES)
    assert chain.pointers() == pointers
    assert files_of(chain) == files
    assert not any(value["changed"] for value in report["values"])


def test_the_same_step_writes_the_same_bytes(chain, tmp_path):
    other = type(chain)(tmp_path / "other", chain.kernel)
    other.folder.mkdir()
    for each in (chain, other):
        each.step(MANY, writes=NAMES)
    assert chain.pointers() == other.pointers()


def test_an_array_changed_in_place_is_written_again(chain):
    chain.step("import numpy as np\nx = np.zeros(1000); y = np.ones(3)", writes="x y")
    before = chain.pointers()
    chain.step("x[500] = 1", reads="x y", writes="x")
    assert chain.pointers()["x"] != before["x"]
    assert chain.pointers()["y"] == before["y"]
    chain.step("assert x[500] == 1 and x.sum() == 1", reads="x")


def test_writing_to_a_loaded_array_never_touches_the_volume(chain):
    chain.step("import numpy as np\nx = np.zeros(1000)", writes="x")
    stored = (chain.values / "objects" / chain.object("x") / "buffers").read_bytes()
    old = chain.object("x")
    chain.step("x[:] = 1", reads="x", writes="x")
    assert (chain.values / "objects" / old / "buffers").read_bytes() == stored


def test_a_value_changed_deep_inside_is_written_again(chain):
    chain.step("a = {'b': [{'c': [1]}]}", writes="a")
    chain.step("a['b'][0]['c'].append(2)", reads="a", writes="a")
    chain.step("assert a == {'b': [{'c': [1, 2]}]}", reads="a")


def test_an_undeclared_change_is_still_saved(chain):
    chain.step("a = [1]; b = a", writes="a b")
    chain.step("a.append(2)", reads="a")
    chain.step("assert b == [1, 2]", reads="b")


def test_equal_values_have_one_object(chain):
    chain.step("a = [1, 2]", writes="a")
    before = chain.pointers()
    chain.step("a = [1, 2]", writes="a")
    assert chain.pointers() == before


def test_a_deleted_name_leaves_a_tombstone(chain):
    chain.step("a = 1", writes="a")
    chain.step("del a; c = 1", reads="a", writes="c")
    assert chain.pointer("a") == {"deleted": True}
    error = chain.refused("", reads="a")
    assert error["code"] == "ITH512"
    assert "step3" in error["message"]
    assert "a" in error["message"]


def test_deleting_a_name_that_had_no_pointer_leaves_nothing(chain):
    chain.step("a = 1; del a")
    assert not (chain.values / "names" / "a.json").exists()


def test_a_new_value_replaces_a_tombstone(chain):
    chain.step("a = 1", writes="a")
    chain.step("del a", reads="a")
    chain.step("a = 2", writes="a")
    chain.step("assert a == 2", reads="a")


def test_buffers_are_aligned(chain):
    chain.step("import numpy as np\nx = [np.arange(3, dtype='i1'), np.arange(9)]", writes="x")
    parts = chain.document("x")["buffers"]["parts"]
    assert [part["offset"] % 64 for part in parts] == [0, 0]
    assert parts[1]["size"] == 72


def test_documents_contain_type_shape_and_size(chain):
    chain.step("import numpy as np\nx = np.zeros((3, 4))", writes="x")
    document = chain.document("x")["names"]["x"]
    assert (document["type"], document["shape"]) == ("numpy.ndarray", [3, 4])
    assert document["size"] >= 96


def test_only_values_are_left_in_the_namespace(chain):
    chain.step("a = 1", writes="a")
    report = chain.step("print([n for n in globals() if not n.startswith('__')])", reads="a")
    assert report["stdout"].strip() == "['sys', 'json', 'a']"


def test_a_failed_step_does_not_change_pointers(chain):
    chain.step("a = 1", writes="a")
    before = chain.pointers()
    assert chain.refused("a = 2; b = (x for x in [])", writes="a b")["code"] == "ITH510"
    assert chain.pointers() == before
    assert not [n for n in os.listdir(chain.values / "objects") if n.startswith(".")]
