"""Studies: one run for each trial."""

from __future__ import annotations

import json

import pytest

from outside import Outside
from places import Place


@pytest.mark.shows("`ithaca tune`")
def test_a_study_runs_shared_steps_once_and_goes_on_after_its_driver_was_killed(
    place: Place, outside: Outside
) -> None:
    place.notebook(
        outside.cell,
        ("pipeline-parameters", "x = 1.0"),
        ("step:load cache:off", "outside('count', 'load')\nbase = 3"),
        (
            "step:fit prev:load",
            "outside('count', 'fit')\noutside('gate', 'fit')\nloss = (x - 2) ** 2 + base",
        ),
        ("pipeline-metrics", "print(loss)"),
    )
    space = ("--param", "x=choice(0,2)", "--objective", "minimize:loss", "--algorithm", "grid")
    options = (*space, "--trials", "2", "--parallel", "2", "--json")
    command = ("tune", "nb.ipynb", "--backend", place.backend, *options)
    with place.begin(*command) as driver:
        while outside.calls("fit") < 2:
            assert driver.poll() is None, driver.communicate()
        driver.kill()
    outside.open("fit")
    done = place.ithaca(*command)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["status"], found["trials"]["complete"]) == ("finished", 2)
    assert (found["best"]["parameters"], found["best"]["values"]) == ({"x": 2.0}, [3.0])
    assert found["executions"] == {"asked": 4, "ran": 3}
    assert (outside.calls("load"), outside.calls("fit")) == (1, 2)
