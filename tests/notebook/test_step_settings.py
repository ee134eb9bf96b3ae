from __future__ import annotations

import pytest

from ithaca.model.workflow import Secret
from ithaca.notebook.settings import quantity


def test_tags_of_all_cells_of_a_step_become_its_settings(steps):
    settings = steps(
        ("a", "step:a", "limit:nvidia.com/gpu:1", "request:cpu:500m", "image:python:3.12"),
        ("b", "step:a", "env:B:2", "env:A:1", "secret:db:pw:PW", "node:arch:arm64", "retry:2"),
        ("c", "timeout:1h30m", "cache:off", "approval:Deploy?", "label:l:v", "annotation:k:v:w"),
    )["a"].settings
    assert settings.limits == {"nvidia.com/gpu": "1"}
    assert settings.requests == {"cpu": "500m"}
    assert settings.image == "python:3.12"
    assert list(settings.env.items()) == [("A", "1"), ("B", "2")]
    assert settings.secrets == (Secret(secret="db", key="pw", env="PW"),)
    assert settings.node == {"arch": "arm64"}
    assert (settings.retries, settings.timeout, settings.cache) == (2, 5400.0, False)
    assert settings.approval == "Deploy?"
    assert (settings.labels, settings.annotations) == ({"l": "v"}, {"k": "v:w"})


def test_an_approval_without_a_question_asks_for_the_step(steps):
    assert steps(("", "step:deploy", "approval"))["deploy"].settings.approval == (
        "Run step deploy?"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("limit:cpu:1", "limit:cpu:2"),
        ("image:a", "image:b"),
        ("retry:1", "retry:2"),
        ("cache:on", "cache:off"),
        ("env:A:1", "env:A:2"),
        ("env:A:1", "secret:s:k:A"),
        ("approval", "approval:Now?"),
    ],
)
def test_settings_that_contradict_each_other_are_an_error(problems, one, other):
    (found,) = problems(("a", "step:a", one), ("b", "step:a", other))
    assert (found.code, found.cell) == ("ITH115", 2)
    assert found.message == f'tag "{other}" contradicts "{one}" of cell 1'


def test_the_same_setting_twice_is_fine(steps):
    steps(("a", "step:a", "limit:cpu:1"), ("b", "step:a", "limit:cpu:1"))


def test_a_request_above_its_limit_is_an_error(problems):
    (found,) = problems(("a", "step:a", "request:memory:2Gi", "limit:memory:1500M"))
    assert (found.code, found.cell) == ("ITH117", 1)


def test_an_invalid_label_is_a_warning(problems):
    (found,) = problems(("a", "step:a", "label:k:a:b"))
    assert (found.code, found.severity) == ("ITH119", "warning")
    assert (found.column, found.end_column) == (9, 12)


def test_quantities_are_compared_across_units():
    ordered = ["1n", "1u", "1m", "1", "1k", "1Ki", "1M", "1Mi", "1G", "1Gi", "1T", "2e12"]
    assert sorted(ordered, key=quantity) == ordered


def test_steps_defaults_apply_to_every_step_that_does_not_override_them(steps):
    found = steps(
        ("", "step:a"),
        ("", "step:b", "limit:cpu:4", "label:own:1"),
        kubeflow_notebook={"steps_defaults": ["limit:cpu:1", "label:all:1", "retry:2"]},
    )
    assert found["a"].settings.limits == {"cpu": "1"}
    assert found["b"].settings.limits == {"cpu": "4"}
    assert found["b"].settings.labels == {"all": "1", "own": "1"}
    assert found["b"].settings.retries == 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("limt:cpu:1", "ITH110"),
        ("limit:cpu", "ITH111"),
        ("step:a", "ITH118"),
        ("prev:a", "ITH118"),
        ("imports", "ITH118"),
        ("whatever", "ITH118"),
        ("cache", "ITH111"),
    ],
)
def test_steps_defaults_are_checked_for_typing_errors(problems, text, code):
    (found,) = problems(("", "step:a"), kubeflow_notebook={"steps_defaults": [text]})
    assert (found.code, found.severity, found.cell) == (code, "error", None)
    assert text in found.message
    assert found.message.count("steps_defaults") == 1


def test_steps_defaults_that_contradict_each_other_are_an_error(problems):
    (found,) = problems(("", "step:a"), ithaca={"steps_defaults": ["retry:1", "retry:2"]})
    assert found.code == "ITH115"
    assert "of steps_defaults" in found.message


@pytest.mark.parametrize("value", [{"limits": {}}, "limit:cpu:1", [1]])
def test_steps_defaults_of_the_wrong_type_are_an_error(problems, value):
    (found,) = problems(("", "step:a"), kubeflow_notebook={"steps_defaults": value or "x"})
    assert (found.code, found.severity) == ("ITH140", "error")
