"""The law in whole runs: papermill, kernels, the supervisor, and the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from law_notebooks import Cells, write_notebook
from test_law_everyday import NOTEBOOKS as EVERYDAY
from test_law_joins import NOTEBOOKS as JOINS
from test_law_values import ALL as VALUES

import warm_program

CHECKED: dict[str, tuple[Cells, dict[str, float]]] = {
    "everything together": (
        [
            ("imports", "import numpy as np\nimport random\nimport os"),
            ("pipeline-parameters", "n = 4\nscale = 0.5"),
            (
                "functions",
                "seen = []\nclass Model:\n    made = 0\n    def __init__(self):\n"
                "        Model.made += 1\n    def fit(self, x):\n        self.x = x\n"
                "        seen.append(len(x))\n        return self\n",
            ),
            ("load", "random.seed(1)\nx = np.arange(float(n))\nview = x[1:]\nos.chdir('data')"),
            ("left < load", "view *= scale\nmodel = Model().fit(x)"),
            ("right < load", "open('note.txt', 'w').write('r')\ndraw = [1]"),
            (
                "join < left, right",
                "assert model.x is x and view.base is not None and os.path.exists('note.txt')\n"
                "assert isinstance(model, Model) and Model.made == 1 and seen == [4]\n"
                "first = random.random()\ntotal = float(x.sum())",
            ),
            (
                "end < join",
                "view[0] = 100\nok = float(x[1] == 100 and model.x[1] == 100)\n"
                "value = await asyncio_value()\n",
            ),
            ("functions", "async def asyncio_value():\n    return 7"),
            ("pipeline-metrics", "print(total)\nprint(ok)\nprint(value)\nprint(first)"),
        ],
        {"total": 3.0, "ok": 1.0, "value": 7.0, "first": 0.13436424411240122},
    ),
}


def run(root: Path, cells: Cells) -> dict[str, object]:
    (root / "data").mkdir(parents=True)
    (root / "data" / "keep").write_text("")
    write_notebook(root / "nb.ipynb", cells)
    env = {**os.environ, "ITHACA_HOME": str(root / ".ithaca")}
    ended = warm_program.call("run", "nb.ipynb", "--json", folder=root, env=env)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found: dict[str, object] = json.loads(ended.stdout)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("cells", "metrics"), CHECKED.values(), ids=CHECKED)
def test_a_whole_run_keeps_the_law(tmp_path: Path, cells: Cells, metrics: dict[str, float]) -> None:
    assert run(tmp_path / "project", cells)["metrics"] == metrics


@pytest.mark.slow
@pytest.mark.parametrize(
    "cells",
    [
        EVERYDAY["Kale's own notebook"],
        JOINS["nested diamonds"],
        VALUES["a parent that keeps a registry"],
    ],
    ids=["Kale", "diamonds", "classes"],
)
def test_bench_cases_run_as_whole_runs(tmp_path: Path, cells: Cells) -> None:
    assert run(tmp_path / "project", cells)["status"] == "succeeded"
