"""What is particular to Tekton's manifests: shared Tasks, and the size of large runs."""

from __future__ import annotations

import json
import os

import pytest
from tekton_workflows import EVERY, emitted, of, run, with_parameters, workflow

from cluster_schemas import problems, schema
from ithaca.backends.kubernetes import Cluster
from ithaca.errors import BackendError, UsageError
from ithaca.model.workflow import Step, Workflow


def asking() -> Workflow:
    train = Step(name="train", needs=("load",), timeout=30.0, approval="Train?")
    return workflow(Step(name="load"), train)


def chain(count: int) -> Workflow:
    names = [f"step_{number}" for number in range(count)]
    pairs = zip(names, [(), *((name,) for name in names)], strict=False)
    return workflow(*(Step(name=name, needs=needs) for name, needs in pairs))


def test_the_schemas_refuse_an_unknown_field_also_in_a_task_of_a_run() -> None:
    (document,) = emitted(asking(), run())
    document["spec"]["pipelineSpec"]["tasks"][-1]["taskSpec"]["steps"][0]["imagee"] = "x"
    assert any("imagee" in each for each in problems("tekton", document))
    assert schema("tekton", "Task")


def test_the_api_server_accepts_every_setting_and_a_planned_run() -> None:
    if "KUBECONFIG" not in os.environ:
        pytest.skip("KUBECONFIG names no cluster")
    cluster = Cluster.connect(namespace="default")
    try:
        if not cluster.has_api("tekton.dev"):
            pytest.skip("the cluster has no Tekton")
    except BackendError as error:
        pytest.skip(f"the cluster does not answer: {error.message}")
    settings = {**EVERY, "namespace": "default"}
    documents = [
        *emitted(asking(), **settings),
        *emitted(asking(), **{**settings, "approval_task": None}),
        *emitted(with_parameters(lr=1.0, größe="a", LR=2, ö=3)),
        *emitted(asking(), run()),
        *emitted(chain(500), run()),
    ]
    for document in documents:
        cluster.create(document, dry_run=True)


def test_a_run_of_five_hundred_steps_is_a_small_object_that_refers_to_tasks_of_its_own() -> None:
    *tasks, found = emitted(chain(500), run())
    assert len(json.dumps(found)) < 256 * 1024
    assert [each["kind"] for each in tasks] == ["Task", "Task"]
    names = {each["metadata"]["name"] for each in tasks}
    pipeline = found["spec"]["pipelineSpec"]
    assert {each["taskRef"]["name"] for each in pipeline["tasks"] + pipeline["finally"]} == names
    for document in (*tasks, found):
        assert document["metadata"]["labels"]["ithaca/run"] == run().id
        assert problems("tekton", document) == []


def test_a_run_that_is_too_large_for_one_object_is_refused() -> None:
    with pytest.raises(UsageError, match="at most 500 KiB fit") as raised:
        emitted(chain(1200), run())
    assert raised.value.code == "ITH681"


def test_steps_that_differ_only_in_parameters_of_tekton_share_a_task() -> None:
    steps = {
        "load": {"image": "a:1", "env": {"A": "1"}, "requests": {"cpu": 2}, "node": {"pool": "a"}},
        "train": {"image": "b:1", "python": "/bin/python3", "service_account": "b"},
    }
    assert len(of("Task", steps=steps)) == 2
    assert len(of("Task", steps={"train": {"env_from_secrets": ["tokens"]}})) == 3
