"""Changes of a step in the project's own modules."""

from __future__ import annotations

import pytest

HELPERS = """
import enum
from functools import lru_cache

shared = []
count = 0
later = None
limits = {"a": [1]}


class Registry:
    known = {}


class Colour(enum.Flag):
    RED = 1
    BLUE = 2


registry = Registry()


def add(thing):
    shared.append(thing)


@lru_cache
def cached(number):
    return number
"""


@pytest.fixture
def helpers(chain):
    chain.root.mkdir()
    (chain.root / "helpers.py").write_text(HELPERS)
    return chain


PATH = "import sys, os; sys.path.insert(0, os.getcwd())\n"


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        ("helpers.add(1)", "helpers.shared"),
        ("helpers.count += 1", "helpers.count"),
        ("helpers.limits['a'].append(2)", "helpers.limits"),
        ("helpers.Registry.known['a'] = 1", "helpers.Registry"),
        ("helpers.registry.more = 1", "helpers.registry"),
        ("helpers.new = 1", "helpers.new"),
        ("helpers.add = print", "helpers.add"),
        ("helpers.shared = [1]", "helpers.shared"),
    ],
)
def test_a_change_in_a_module_of_the_project_gets_a_notice(helpers, cells, name):
    (notice,) = helpers.step(cells, prelude=PATH + "import helpers")["notices"]
    assert notice.startswith(
        f"{name} changed in step step1, but later steps import the module again"
    )


@pytest.mark.parametrize(
    "cells",
    [
        "helpers.cached(1)",
        "import importlib; importlib.reload(helpers)",
        "import json; helpers.later = json",
        "helpers.Colour.RED | helpers.Colour.BLUE",
        "import json; json.mine = []",
        "helpers.shared.append(1); helpers.shared.pop()",
    ],
)
def test_unchanged_and_foreign_modules_get_no_notice(helpers, cells):
    assert helpers.step(cells, prelude=PATH + "import helpers")["notices"] == []


def test_changes_of_shared_cells_get_no_notice(helpers):
    prelude = PATH + "import helpers; helpers.add(1)"
    assert helpers.step("x = 1", prelude=prelude)["notices"] == []


def test_a_change_in_the_last_step_gets_no_notice(helpers):
    assert (
        helpers.step("helpers.add(1)", prelude=PATH + "import helpers", last=True)["notices"] == []
    )
