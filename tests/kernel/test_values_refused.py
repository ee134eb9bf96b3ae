"""Values that cannot be saved or loaded: the error names them, the reason and a cure."""

from __future__ import annotations

import json

import pytest


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("bad = (n for n in range(3))", "generator"),
        ("import threading; bad = threading.Lock()", "lock"),
        ("import socket; bad = socket.socket()", "socket"),
        ("import sqlite3; bad = sqlite3.connect(':memory:')", "Connection"),
        ("import threading; bad = threading.Thread()", "Thread"),
        ("bad = open('file.txt', 'w')", "TextIOWrapper"),
        ("import numpy as np; bad = np.memmap('f', mode='w+', shape=3)", "memmap"),
    ],
)
def test_an_unsavable_value_fails_the_step_by_name(chain, code, kind):
    error = chain.refused(code, writes="bad")
    assert error["code"] == "ITH510"
    assert error["name"] == "bad"
    assert kind in error["message"]
    assert error["cure"]


def test_the_path_inside_an_unsavable_value_is_named(chain):
    error = chain.refused(
        "import threading\nclass K: pass\nk = K(); k.parts = [1, {'lock': threading.Lock()}]",
        writes="k",
    )
    assert "k.parts[1]['lock']" in error["message"]


def test_an_unsavable_value_that_no_later_step_reads_is_a_notice(chain):
    report = chain.step("a = 1; bad = (n for n in [])", writes="a bad", read_later=["a"])
    assert any("bad" in notice for notice in report["notices"])
    chain.step("assert a == 1", reads="a")


def test_a_value_that_can_no_longer_be_saved_becomes_a_tombstone(chain):
    chain.step("a = [1]", writes="a")
    chain.step("a.append(n for n in [])", reads="a", read_later=[])
    assert chain.pointer("a") == {"deleted": True}


def test_an_unbound_name_that_a_later_step_reads_is_named(chain):
    error = chain.refused("if False: a = 1", writes="a")
    assert error["code"] == "ITH511"
    assert "step1" in error["message"]
    assert "a" in error["message"]


def test_an_unbound_name_that_no_later_step_reads_is_fine(chain):
    chain.step("", writes="a", read_later=[])


def test_a_read_name_without_a_value_is_named(chain):
    error = chain.refused("", reads="a")
    assert error["code"] == "ITH512"
    assert "step1" in error["message"]
    assert error["name"] == "a"


def test_a_conflict_is_an_error_where_it_is_read_and_only_there(chain):
    chain.step("a = 1; b = 2", writes="a b")
    pointer = chain.values / "names" / "a.json"
    pointer.write_text(json.dumps({"conflict": ["left", "right"]}))
    chain.step("assert b == 2", reads="b")
    error = chain.refused("", reads="a")
    assert error["code"] == "ITH513"
    assert "left and right" in error["message"]


def test_a_missing_module_is_named(chain):
    (chain.folder / "root").mkdir()
    module = chain.root / "helper_module.py"
    module.write_text("class H: pass\n")
    chain.step(
        "import sys; sys.path.insert(0, '.')\nimport helper_module as h\nv = h.H()", writes="v"
    )
    module.unlink()
    error = chain.refused("", reads="v")
    assert error["code"] == "ITH521"
    assert "helper_module" in error["message"]
    assert "v" in error["message"]


def test_values_of_another_python_are_refused(chain):
    chain.step("a = 1", writes="a")
    path = chain.values / "objects" / chain.object("a") / "document.json"
    document = json.loads(path.read_text())
    document["python"] = "3.1"
    path.write_text(json.dumps(document))
    assert chain.refused("", reads="a")["code"] == "ITH519"


def test_a_path_below_a_folder_that_only_this_step_has_is_refused(chain):
    code = "import os\npath = os.path.join(os.getcwd(), 'data.csv')"
    error = chain.refused(code, writes="path", private_root=False)
    assert error["code"] == "ITH517"
    assert error["name"] == "path"
    chain.step(code, writes="path", private_root=True)


def test_a_value_that_contains_a_secret_is_refused(chain):
    error = chain.refused(
        "import os\nurl = 'https://me:' + os.environ['TOKEN'] + '@host'",
        writes="url",
        secrets=["TOKEN"],
        env={"TOKEN": "not-so-secret"},
    )
    assert error["code"] == "ITH518"
    assert "TOKEN" in error["message"]
    assert "not-so-secret" not in json.dumps(error)


# Metrics ----------------------------------------------------------------------------------------


def test_metrics_are_numbers_of_every_kind(chain):
    report = chain.step(
        "import numpy as np\na = 1; b = np.float32(0.5); c = np.array(2); d = True\n"
        "e = float('nan')",
        metrics={n: n for n in "abcde"},
    )
    assert [report["metrics"][n] for n in "abcd"] == [1.0, 0.5, 2.0, 1.0]
    assert report["metrics"]["e"] != report["metrics"]["e"]


@pytest.mark.parametrize(("code", "reason"), [("", "did not bind"), ("loss = 'x'", "is a str")])
def test_a_metric_that_is_not_a_number_fails_with_the_reason(chain, code, reason):
    error = chain.refused(code, metrics={"val-loss": "loss"})
    assert error["code"] == "ITH516"
    assert "val-loss" in error["message"]
    assert reason in error["message"]


def test_a_full_disk_gives_one_message(chain):
    cells = (
        "import errno, pathlib\n"
        "def full(*_, **__): raise OSError(errno.ENOSPC, 'No space left on device')\n"
        "pathlib.Path.rename = full\nvalue = 1"
    )
    error = chain.refused(cells, writes="value")
    assert error["code"] == "ITH520"
    assert "No space left" in error["message"]
