"""The notebooks of `examples/` as workflows: nothing to complain of, and the shape they promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from ithaca.compiling.compile import check
from ithaca.compiling.compile import compile as compile_notebook

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*/*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_check_has_nothing_to_complain_of(path: Path) -> None:
    found = [item for item in check(path).diagnostics if item.severity != "notice"]
    assert found == []


def test_the_feature_branches_of_digits_are_parallel() -> None:
    workflow = compile_notebook(EXAMPLES / "digits/digits.ipynb")
    assert {step.name: step.needs for step in workflow.steps} == {
        "load": (),
        "pixels": ("load",),
        "gradients": ("load",),
        "train": ("gradients", "pixels"),
        "evaluate": ("train",),
    }
    assert {parameter.type for parameter in workflow.parameters} == {"int", "float", "str", "bool"}


def test_process_features_of_mrna_brings_the_tokenizer_that_it_uses() -> None:
    workflow = compile_notebook(EXAMPLES / "mrna/mrna.ipynb")
    assert {"process_features", "tokenizer"} <= set(workflow.step("tokenise").writes)
    assert {"process_features", "tokenizer"} <= set(workflow.step("evaluate").reads)


def test_the_settings_of_the_tour_arrive_in_the_workflow() -> None:
    workflow = compile_notebook(EXAMPLES / "tags/tour.ipynb")
    temperature, rain = workflow.step("temperature"), workflow.step("rain")
    diary, wet_days = workflow.step("diary"), workflow.step("wet_days")
    assert temperature.needs == rain.needs == ()
    assert temperature.resources.requests == {"cpu": "100m"}
    assert temperature.resources.limits == {"cpu": "1", "memory": "256Mi"}
    assert (rain.retries, rain.timeout) == (2, 120.0)
    assert diary.env == {"DIARY_KEEPER": "Penelope"}
    assert diary.labels == {"team": "weather"}
    assert diary.annotations == {"example.org/source": "station:north:2"}
    assert not wet_days.cache
    assert {parameter.name: parameter.default for parameter in workflow.parameters} == {
        "days": 14,
        "coldest": -5.5,
        "warmest": 24.0,
        "station": "Mount Neritos: north side",
        "celsius": True,
        "stop_at": None,
        "thresholds": [10.0, 18.0],
        "units": {"temperature": "°C", "rain": "mm"},
    }


def test_the_tour_goes_on_with_a_step_after_another_one() -> None:
    workflow = compile_notebook(EXAMPLES / "tags/tour.ipynb")
    cells = [code.cell for code in workflow.step("temperature").code if code.kind == "user"]
    between = [code.cell for code in workflow.step("rain").code if code.kind == "user"]
    assert cells[0] < between[0] < between[-1] < cells[-1]


def test_the_composed_workflow_holds_the_steps_of_the_tour() -> None:
    inner = compile_notebook(EXAMPLES / "tags/tour.ipynb")
    workflow = compile_notebook(EXAMPLES / "tags/composed.ipynb")
    assert [step.name for step in workflow.steps] == [
        *(f"weather-{step.name}" for step in inner.steps),
        "headline",
    ]
    assert workflow.step("headline").needs == ("weather-report",)


def test_kales_metadata_is_understood() -> None:
    workflow = compile_notebook(EXAMPLES / "kale/diabetes.ipynb")
    assert workflow.name == "diabetes-progression"
    assert workflow.study is not None
    assert workflow.study.format == "katib"
    assert workflow.study.content["objective"]["objectiveMetricName"] == "rmse"
    for step in workflow.steps:
        assert step.labels == {"access-ml-pipeline": "true"}
        assert step.resources.limits["memory"] == "1Gi"
    assert workflow.step("linear").resources.limits["cpu"] == "1"
