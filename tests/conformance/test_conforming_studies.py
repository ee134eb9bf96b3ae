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


@pytest.mark.shows("`ithaca.report`, `--pruner`")
def test_a_trial_whose_reports_are_bad_is_cancelled(place: Place, outside: Outside) -> None:
    place.notebook(
        outside.cell,
        ("pipeline-parameters", "x = 1.0"),
        (
            "step:fit",
            "import ithaca\nithaca.report(x, 0)\nif x > 1: outside('gate', 'never')\nloss = x",
        ),
        ("pipeline-metrics", "print(loss)"),
    )
    space = ("--param", "x=choice(0,9)", "--objective", "minimize:loss", "--algorithm", "grid")
    pruner = ("--pruner", "threshold", "--pruner-set", "upper=5")
    options = (*space, *pruner, "--trials", "2", "--parallel", "2", "--json")
    done = place.ithaca("tune", "nb.ipynb", "--backend", place.backend, *options)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["trials"]["pruned"], found["trials"]["complete"]) == (1, 1)
    assert found["best"]["parameters"] == {"x": 0.0}
    trials = json.loads(place.ithaca("studies", "trials", "nb", "--json").stdout)
    (pruned,) = (each for each in trials if each["state"] == "pruned")
    assert pruned["reason"] == "pruned at step 0, with 9"
    assert place.show(pruned["run"])["status"] == "cancelled"
