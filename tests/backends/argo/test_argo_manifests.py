"""What is particular to Argo's manifests: shared templates, and the size of large ones."""

from __future__ import annotations

import copy
import json

import pytest
import yaml
from argo_workflows import EVERY, emitted, run, workflow

from cluster_schemas import problems
from ithaca.model.workflow import Step, Workflow


def test_the_schemas_refuse_an_unknown_field() -> None:
    document = copy.deepcopy(emitted()[0])
    document["spec"]["templates"][1]["retryStrat"] = {}
    assert any("retryStrat" in each for each in problems("argo", document))


def large(steps: int) -> Workflow:
    first = Step(name="step_0", timeout=60.0, retries=1)
    rest = [
        Step(name=f"step_{i}", needs=(f"step_{i - 1}",), timeout=60.0, retries=1)
        for i in range(1, steps)
    ]
    return workflow(first, *rest)


@pytest.mark.parametrize("steps", [40, 100, 500])
def test_the_object_of_a_notebook_with_many_steps_stays_below_256_kib(steps: int) -> None:
    settings = {name: value for name, value in EVERY.items() if name != "steps"}
    documents = emitted(large(steps), **settings)
    for document in (*documents, *emitted(large(steps), planned=run())):
        assert len(json.dumps(document)) < 256 * 1024
        assert len(yaml.safe_dump(document)) < 256 * 1024


def test_equal_steps_share_a_template_only_if_there_are_very_many() -> None:
    few = emitted(large(3))[0]["spec"]["templates"]
    assert [each["name"] for each in few][1:4] == ["step-0", "step-1", "step-2"]
    many = emitted(large(200))[0]["spec"]["templates"]
    assert [each["name"] for each in many][1:-1] == ["ithaca--steps-1"]
    assert {each["template"] for each in many[0]["dag"]["tasks"]} == {"ithaca--steps-1"}
