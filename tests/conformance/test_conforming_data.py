"""Order, values, files, parameters, libraries and metrics."""

from __future__ import annotations

import pytest

import environment_wheels as wheels
from outside import Outside
from places import Place, statuses

WITHOUT_ITHACA = (
    "import importlib.util, os, subprocess, sys\n"
    "assert importlib.util.find_spec('ithaca') is None\n"
    "said = subprocess.run('env; cat /proc/self/maps', shell=True, text=True,\n"
    "                      capture_output=True, check=True).stdout\n"
    "assert '/ithaca/' not in said + str(sys.path) + open('/proc/self/maps').read(), said\n"
)
"""A cell that fails if it, or a process that it starts, sees anything of the copied Ithaca."""


@pytest.mark.shows("steps run at the same time")
def test_independent_steps_run_at_the_same_time(place: Place, outside: Outside) -> None:
    place.notebook(
        outside.cell,
        ("step:left", "outside('gate', 'left')"),
        ("step:right", "outside('gate', 'right')"),
    )
    run = place.start()
    place.wait_outside(run, lambda: outside.waiting["left"] and outside.waiting["right"])
    outside.open("left", "right")
    assert statuses(place.end(run)) == {"left": "succeeded", "right": "succeeded"}


@pytest.mark.shows("`step:`, `prev:`", "values and files between steps", "`pipeline-metrics`")
def test_values_and_files_cross_branches_and_joins_in_the_order_of_the_tags(
    place: Place, outside: Outside
) -> None:
    (place.folder / "data.txt").write_text("2")
    place.notebook(
        outside.cell,
        (
            "step:join prev:left prev:right",
            "fourth = outside('count', 'order')\n"
            "total = a + b + (same is rows)\n"
            "found = int(open('left.txt').read() + open('right.txt').read())",
        ),
        (
            "step:left prev:load",
            "second = outside('count', 'order')\n"
            "a = sum(rows)\nopen('left.txt', 'w').write(open('data.txt').read() * 2)",
        ),
        (
            "step:right prev:load",
            "third = outside('count', 'order')\nb = max(rows)\nopen('right.txt', 'w').write('7')",
        ),
        (
            "step:load",
            "first = outside('count', 'order')\n"
            "rows = [1, 2, 3]\nsame = rows\nopen('data.txt', 'a').write('1')",
        ),
        ("pipeline-metrics", "print(total)\nprint(found)\nfirst, second, third, fourth"),
    )
    code, result = place.run()
    assert (code, result["status"]) == (0, "succeeded"), result
    numbers = result["metrics"]
    assert (numbers["total"], numbers["found"]) == (10, 21217)
    assert (numbers["first"], numbers["fourth"]) == (1, 4)
    assert {numbers["second"], numbers["third"]} == {2, 3}
    assert (place.folder / "data.txt").read_text() == "2"


@pytest.mark.shows("`pipeline-parameters`", "`pipeline-metrics`")
def test_parameters_reach_steps_and_appear_in_the_run(place: Place) -> None:
    place.notebook(
        ("pipeline-parameters", "rate = 0.5\nname = 'plain'\nmany = [1]"),
        ("step:use", "size = len(name) + sum(many)\ndouble = rate * 2"),
        ("pipeline-metrics", "size, double"),
    )
    result = {"rate": 0.25, "name": "{{x}} 'q' \"ü\"", "many": [-1, 2]}
    words = ("-p", "rate=0.25", "-p", f"name={result['name']}", "-p", "many=[-1, 2]")
    code, run = place.run(*words)
    assert (code, run["parameters"]) == (0, result), run
    assert run["metrics"] == {"size": len(result["name"]) + 1, "double": 0.5}


@pytest.mark.shows("libraries that a step installs")
def test_later_steps_import_a_library_that_a_step_installs(place: Place) -> None:
    wheels.write(place.folder, "tinypack")
    place.notebook(
        ("step:install", "%pip install --no-index ./tinypack-1.0-py3-none-any.whl"),
        ("step:use prev:install", "import tinypack\nanswer = float(tinypack.VERSION)"),
        ("step:apart", "import importlib.util as u\nassert u.find_spec('tinypack') is None"),
        ("pipeline-metrics", "answer"),
    )
    code, result = place.run()
    assert (code, result["metrics"]) == (0, {"answer": 1.0}), result


@pytest.mark.shows("images without Ithaca")
def test_a_notebook_runs_in_an_image_without_ithaca_and_its_next_run_is_reused(
    place: Place,
) -> None:
    place.use_image_without_ithaca()
    place.notebook(
        ("step:load", f"{WITHOUT_ITHACA}rows = [1, 2, 3]\nopen('rows.txt', 'w').write(str(rows))"),
        ("step:total prev:load", "total = sum(rows) + len(open('rows.txt').read())"),
        ("pipeline-metrics", "print(total)"),
    )
    code, result = place.run()
    assert (code, result["metrics"]) == (0, {"total": 15}), result
    code, again = place.run()
    assert (code, set(statuses(again).values())) == (0, {"reused"})
