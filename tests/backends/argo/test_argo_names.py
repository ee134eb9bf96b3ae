"""Names that Argo accepts, and texts in which it substitutes nothing."""

from __future__ import annotations

import json
import re

import pytest
from argo_workflows import emitted, pod, run, spec, task, with_parameters, workflow
from hypothesis import given
from hypothesis import strategies as st

from ithaca.backends.kubernetes.names import json_text
from ithaca.backends.kubernetes.names import workflow as workflow_name
from ithaca.errors import UsageError
from ithaca.model.run import PlannedStep
from ithaca.model.workflow import Step
from ithaca_argo import ArgoBackend, names

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='{}$()\\"a\u00e9\U0001f600\n\x7f'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(alphabet="{}$a"), inner),
    max_leaves=8,
)


@given(VALUES)
def test_the_text_of_a_parameter_is_its_value_and_contains_no_variable(value: object) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert "{{" not in text
    assert "$" not in text
    assert text.isascii()
    assert text.isprintable()


@given(st.text(alphabet="{a} "))
def test_a_question_contains_no_variable(text: str) -> None:
    assert "{{" not in names.shown(text)


@given(st.lists(st.from_regex(r"[_a-z][_a-z0-9]{0,5}", fullmatch=True), unique=True))
def test_tasks_have_distinct_names_that_argo_accepts(steps: list[str]) -> None:
    found = names.tasks(steps)
    assert len(set(found.values())) == len(steps)
    assert all(re.fullmatch(r"[a-z][-a-z0-9]*", each) for each in found.values())


def test_a_step_named_like_a_keyword_of_argos_expressions_gets_another_task_name() -> None:
    wanted = workflow(Step(name="not"), Step(name="b", needs=("not",)))
    assert task("b", wanted)["depends"] == "s--not"


def test_the_names_of_workflows_fit_into_labels() -> None:
    long = "a" * 63
    assert len(workflow_name(long)) <= 58
    assert len(workflow_name(long, "01JAAAAAAAAAAAAAAAAAAAAAAA")) <= 63


def test_parameters_are_arguments_with_json_values() -> None:
    wanted = with_parameters(lr=0.1, name="{{workflow.uid}} $(HOME)", größe=[1])
    template, reference = emitted(wanted)
    for document in (template, reference):
        given_ = {
            each["name"]: each["value"] for each in document["spec"]["arguments"]["parameters"]
        }
        assert given_["lr"] == "0.1"
        assert given_["name"] == '"\\u007b\\u007bworkflow.uid}} \\u0024(HOME)"'
        assert given_["gr-u00f6--u00df-e"] == "[1]"


def test_the_runner_sets_a_tags_variable_in_which_argo_would_substitute() -> None:
    step = Step(name="train", env={"A": "{{workflow.uid}}", "B": "$(HOME) 5$"})
    first, *own = pod("train", workflow(step))["container"]["env"]
    assert first == {"name": "B", "value": "$$(HOME) 5$$"}
    assert [each["name"] for each in own] == ["ITHACA_POD"]


@pytest.mark.parametrize(
    ("step", "settings"),
    [
        (Step(name="train", annotations={"a": "{{x}}"}), {}),
        (Step(name="train", image="x:{{x}}"), {}),
        (Step(name="train"), {"env": {"A": "{{x}}"}}),
        (Step(name="train"), {"steps": {"train": {"mutexes": ["{{x}}"]}}}),
        (Step(name="train"), {"tolerations": [{"key": "{{x}}"}]}),
    ],
    ids=str,
)
def test_a_text_in_which_argo_would_substitute_is_refused(step: Step, settings: dict) -> None:
    with pytest.raises(UsageError, match="Argo would substitute") as raised:
        spec(workflow(step), **settings)
    assert raised.value.code == "ITH652"


def test_a_step_passes_on_the_executions_of_its_needs_in_their_order() -> None:
    wanted = workflow(Step(name="b"), Step(name="_2"), Step(name="c", needs=("_2", "b")))
    found = task("c", wanted)
    assert found["depends"] == "s--2 && b"
    assert found["arguments"]["parents"] == (
        "{{tasks.s--2.outputs.parameters.execution}},{{tasks.b.outputs.parameters.execution}}"
    )
    assert found["arguments"]["step"] == "c"
    assert task("s--2", wanted)["arguments"]["step"] == "_2"


def test_a_planned_run_starts_only_steps_that_are_not_reused() -> None:
    planned = run(PlannedStep(step="load", action="reuse", execution="e" * 64), lr=0.5)
    asked = workflow(
        Step(name="load", approval="Load?"),
        Step(name="train", needs=("load",)),
        parameters=with_parameters(lr=0.1).parameters,
    )
    (document,) = emitted(asked, planned)
    assert document["metadata"]["name"] == "digits-01jaaaaaaaaaaaaaaaaaaaaaaa"
    (only,) = document["spec"]["templates"][0]["dag"]["tasks"]
    given_ = {each["name"]: each["value"] for each in only["arguments"]["parameters"]}
    assert given_["parents"] == "e" * 64
    assert "depends" not in only
    parameters = {
        each["name"]: each["value"] for each in document["spec"]["arguments"]["parameters"]
    }
    assert parameters["ithaca-run"] == planned.id
    assert parameters["ithaca-source"] == planned.source
    assert parameters["lr"] == "0.5"


def test_a_run_that_reuses_every_step_has_no_workflow() -> None:
    planned = run(*(PlannedStep(step=name, action="reuse") for name in ("load", "train")))
    with pytest.raises(UsageError, match="every step is reused"):
        emitted(planned=planned)


def test_the_digest_of_the_workflow_is_the_stores(tmp_path) -> None:
    from ithaca.store import LocalStore

    kept = LocalStore.open(tmp_path / "store").put(workflow().to_json().encode())
    assert workflow().digest == kept


def test_a_run_started_here_needs_a_store_that_this_machine_can_reach(tmp_path) -> None:
    backend = ArgoBackend({"store_claim": "store", "image": "x"})
    with pytest.raises(UsageError, match="`store_claim` can be reached from pods only"):
        backend.check(workflow(), tmp_path)
