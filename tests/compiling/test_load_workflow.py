from __future__ import annotations

import json

import jsonschema
import pytest

from ithaca.compiling.load import from_json, schema
from ithaca.errors import UsageError
from ithaca.model import Code, Parameter, Source, Step, Workflow

WORKFLOW = Workflow(
    name="w",
    parameters=(Parameter(name="p", type="dict", default={"b": [1, None], "a": {"x": 0.5}}),),
    steps=(
        Step(name="a", code=(Code(cell=1, kind="user", source="x = 'ä'"),), writes=("x",)),
        Step(name="b", needs=("a",), reads=("x",), timeout=5.0),
    ),
    source=Source(notebook="w.ipynb", digest="0" * 64),
)


def changed(**fields):
    return json.dumps({**json.loads(WORKFLOW.to_json()), **fields})


def refused(data):
    with pytest.raises(UsageError) as caught:
        from_json(data)
    assert caught.value.cure
    return caught.value


def test_a_workflow_comes_back_as_it_was():
    assert from_json(WORKFLOW.to_json()) == WORKFLOW
    assert from_json(WORKFLOW.to_json().encode()).to_json() == WORKFLOW.to_json()


def test_the_order_of_a_default_of_type_dict_is_kept():
    assert list(from_json(WORKFLOW.to_json()).parameters[0].default) == ["b", "a"]


def test_unknown_fields_of_a_newer_minor_version_are_ignored():
    assert from_json(changed(ir_version="1.7", when="always")).name == "w"


def test_a_newer_major_version_is_refused_with_the_cure():
    error = refused(changed(ir_version="2.0"))
    assert (error.code, "reads up to 1.0" in error.message) == ("ITH332", True)
    assert "upgrade Ithaca" in error.cure


def test_a_workflow_that_needs_a_newer_runner_is_refused():
    assert refused(changed(requires_runner="99.0")).code == "ITH332"


@pytest.mark.parametrize("data", [b"", b"{", b"\xff", "[]", "null"])
def test_json_that_is_not_an_object_is_refused(data):
    assert refused(data).code == "ITH330"


@pytest.mark.parametrize(
    "fields", [{"ir_version": ""}, {"ir_version": "x"}, {"steps": 1}, {"steps": [{}]}]
)
def test_json_that_is_not_a_workflow_is_refused(fields):
    assert refused(changed(**fields)).code == "ITH331"


def test_steps_out_of_order_are_refused():
    steps = list(reversed(json.loads(WORKFLOW.to_json())["steps"]))
    assert 'needs "a", which is not before it' in refused(changed(steps=steps)).message


def test_a_duplicate_step_is_refused():
    steps = json.loads(WORKFLOW.to_json())["steps"]
    assert "twice" in refused(changed(steps=[*steps, steps[0]])).message


def test_the_schema_is_valid_and_of_its_dialect():
    jsonschema.Draft202012Validator.check_schema(schema())
    assert schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_schema_accepts_a_workflow_and_rejects_anything_else():
    validator = jsonschema.Draft202012Validator(schema())
    assert list(validator.iter_errors(json.loads(WORKFLOW.to_json()))) == []
    assert list(validator.iter_errors({"name": "w"})) != []
    assert list(validator.iter_errors(json.loads(changed(steps=[{"name": 1}])))) != []
