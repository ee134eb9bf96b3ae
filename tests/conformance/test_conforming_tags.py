"""Tags that the other modules do not test."""

from __future__ import annotations

import json

import pytest

from outside import Outside
from places import Place, statuses


@pytest.mark.shows("`imports`, `functions`, `skip`")
def test_shared_code_runs_in_the_steps_that_need_it_and_skipped_cells_never_run(
    place: Place,
) -> None:
    place.notebook(
        ("imports", "import math"),
        ("functions", "def area(radius):\n    return math.floor(radius * radius * math.pi)"),
        ("skip", "raise SystemExit"),
        ("step:one", "first = area(1)"),
        ("step:two prev:one", "second = first + area(2)"),
        ("pipeline-metrics", "second"),
    )
    code, result = place.run()
    assert (code, result["metrics"]) == (0, {"second": 15}), result


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
    code, result = place.run()
    assert (code, result["metrics"]) == (0, {"double": 6}), result
    assert set(statuses(result)) == {"part-load", "part-sum", "use"}


@pytest.mark.shows("`env:`")
def test_a_variable_of_a_tag_is_set_only_in_its_step(place: Place) -> None:
    place.notebook(
        ("step:told env:GREETING:a:b$(HOME){{x}}", "import os\nsaid = os.environ['GREETING']"),
        (
            "step:other prev:told",
            "import os\nsame = (said == 'a:b$(HOME)' + '{{x}}') + ('GREETING' not in os.environ)",
        ),
        ("pipeline-metrics", "same"),
    )
    code, result = place.run()
    assert (code, result["metrics"]) == (0, {"same": 2}), result


@pytest.mark.shows("`secret:`")
def test_a_secret_reaches_its_step_but_no_log_or_manifest(place: Place) -> None:
    tag = place.secret("correct-horse-battery", "PASSWORD")
    place.notebook(
        (
            f"step:open {tag}",
            "import os\nword = os.environ['PASSWORD']\nprint(word)\nn = len(word)",
        ),
        ("pipeline-metrics", "n"),
    )
    code, result = place.run()
    assert (code, result["metrics"]) == (0, {"n": 21}), result
    log = place.ithaca("runs", "logs", result["id"], *place.store_options())
    assert (log.returncode, "correct-horse" in log.stdout) == (0, False), log
    compiled = place.ithaca("compile", "nb.ipynb")
    assert "correct-horse" not in compiled.stdout + json.dumps(result)


@pytest.mark.shows("`cache:`")
def test_a_step_without_cache_always_runs_again(place: Place, outside: Outside) -> None:
    place.notebook(
        outside.cell,
        ("step:kept", "outside('count', 'kept')"),
        ("step:fresh cache:off", "outside('count', 'fresh')"),
    )
    assert place.run()[0] == 0
    code, result = place.run()
    assert (code, statuses(result)) == (0, {"kept": "reused", "fresh": "succeeded"})
    assert (outside.calls("kept"), outside.calls("fresh")) == (1, 2)


@pytest.mark.shows("`image:`, `label:`, `annotation:`, `node:`")
def test_the_manifests_contain_the_pod_settings_of_tags(place: Place) -> None:
    place.notebook(
        (
            "step:one image:registry.example/a:1 label:team:blue annotation:why:x:y node:disk:ssd",
            "x = 1",
        )
    )
    text = json.dumps(place.manifests())
    for setting in ("registry.example/a:1", '"team": "blue"', '"why": "x:y"', '"disk": "ssd"'):
        assert setting in text
