"""Tags that no other module tests."""

from __future__ import annotations

import json

import pytest

from outside import Outside
from places import Place, statuses


@pytest.mark.shows("`imports`, `functions`, `skip`")
def test_shared_code_reaches_the_steps_that_need_it_and_skipped_cells_none(place: Place) -> None:
    place.notebook(
        ("imports", "import math"),
        ("functions", "def area(radius):\n    return math.floor(radius * radius * math.pi)"),
        ("skip", "raise SystemExit"),
        ("step:one", "first = area(1)"),
        ("step:two prev:one", "second = first + area(2)"),
        ("pipeline-metrics", "second"),
    )
    code, told = place.run()
    assert (code, told["metrics"]) == (0, {"second": 15}), told


@pytest.mark.shows("`notebook:`")
def test_the_steps_of_another_notebook_are_part_of_the_run(place: Place) -> None:
    place.notebook(("step:load", "rows = [1, 2]"), ("step:sum prev:load", "total = sum(rows)"))
    (place.folder / "nb.ipynb").rename(place.folder / "part.ipynb")
    place.notebook(
        ("notebook:part", ""),
        ("step:use prev:part", "double = 2 * total"),
        ("pipeline-metrics", "double"),
    )
    content = json.loads((place.folder / "nb.ipynb").read_text())
    content["cells"][0]["metadata"]["notebook_path"] = "part.ipynb"
    (place.folder / "nb.ipynb").write_text(json.dumps(content))
    code, told = place.run()
    assert (code, told["metrics"]) == (0, {"double": 6}), told
    assert set(statuses(told)) == {"part-load", "part-sum", "use"}


@pytest.mark.shows("`env:`")
def test_a_variable_of_a_tag_reaches_its_step_and_no_other(place: Place) -> None:
    place.notebook(
        ("step:told env:GREETING:a:b$(HOME){{x}}", "import os\nsaid = os.environ['GREETING']"),
        ("step:other prev:told", "import os\nmissing = 'GREETING' not in os.environ"),
        ("step:check prev:other", "same = (said == 'a:b$(HOME)' + '{{x}}') + missing"),
        ("pipeline-metrics", "same"),
    )
    code, told = place.run()
    assert (code, told["metrics"]) == (0, {"same": 2}), told


@pytest.mark.shows("`secret:`")
def test_a_secret_reaches_its_step_and_stands_in_no_log_and_no_manifest(place: Place) -> None:
    tag = place.secret("correct-horse-battery", "PASSWORD")
    place.notebook(
        (
            f"step:open {tag}",
            "import os\nword = os.environ['PASSWORD']\nprint(word)\nn = len(word)",
        ),
        ("pipeline-metrics", "n"),
    )
    code, told = place.run()
    assert (code, told["metrics"]) == (0, {"n": 21}), told
    log = place.ithaca("runs", "logs", told["id"], *place.store_words())
    assert (log.returncode, "correct-horse" in log.stdout) == (0, False), log
    compiled = place.ithaca("compile", "nb.ipynb")
    assert "correct-horse" not in compiled.stdout + json.dumps(told)


@pytest.mark.shows("`cache:`")
def test_a_step_without_cache_runs_again_though_it_is_known(place: Place, outside: Outside) -> None:
    place.notebook(
        outside.cell,
        ("step:kept", "outside('count', 'kept')"),
        ("step:fresh cache:off", "outside('count', 'fresh')"),
    )
    assert place.run()[0] == 0
    code, told = place.run()
    assert (code, statuses(told)) == (0, {"kept": "reused", "fresh": "succeeded"})
    assert (outside.counted("kept"), outside.counted("fresh")) == (1, 2)


@pytest.mark.shows("`image:`, `label:`, `annotation:`, `node:`")
def test_what_a_tag_says_of_a_pod_stands_in_the_manifests(place: Place) -> None:
    place.notebook(
        (
            "step:one image:registry.example/a:1 label:team:blue annotation:why:x:y node:disk:ssd",
            "x = 1",
        )
    )
    text = json.dumps(place.manifests())
    for said in ("registry.example/a:1", '"team": "blue"', '"why": "x:y"', '"disk": "ssd"'):
        assert said in text
