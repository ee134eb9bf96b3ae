"""Every tag and every setting reaches its field, and unsupported settings are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tekton_workflows import PLAIN, emitted, member, of, workflow

from ithaca.errors import UsageError
from ithaca.model.run import PlannedStep, RunDocument
from ithaca.model.workflow import Resources, Secret, Step, Volume
from ithaca_tekton import TektonBackend

TRAIN = Step(name="train")
TOLERATION = {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}


def train(step: Step = TRAIN, **settings: Any) -> dict[str, Any]:
    return member("train", workflow(step), **settings)


def container(step: Step = TRAIN, **settings: Any) -> dict[str, Any]:
    steps = train(step, **settings)["task"]["steps"]
    return next(each for each in steps if each["name"] == "main")


POD_FIELDS = [
    ({"tolerations": [TOLERATION]}, "tolerations", [TOLERATION]),
    ({"affinity": {"podAffinity": {}}}, "affinity", {"podAffinity": {}}),
    ({"node": {"pool": "a"}}, "nodeSelector", {"pool": "a"}),
    ({"priority_class": "high"}, "priorityClassName", "high"),
    ({"scheduler": "volcano"}, "schedulerName", "volcano"),
    ({"security_context": {"runAsUser": 5}}, "securityContext", {"runAsUser": 5}),
    ({"env": {"A": "$(B)"}}, "env", [{"name": "A", "value": "$$(B)"}]),
]


@pytest.mark.parametrize(("setting", "field", "value"), POD_FIELDS, ids=lambda each: str(each)[:20])
def test_a_setting_reaches_the_pods_of_all_steps_or_of_one(
    setting: dict[str, Any], field: str, value: Any
) -> None:
    two = workflow(Step(name="load"), TRAIN)
    assert member("load", two, **setting)["pod"][field] == value
    assert member("train", two, steps={"train": setting})["pod"][field] == value
    assert field not in member("load", two, steps={"train": setting})["pod"]


def test_a_service_account_is_set_for_all_pods_or_for_one() -> None:
    two = workflow(Step(name="load"), TRAIN)
    settings = {"service_account": "a", "steps": {"train": {"service_account": "b"}}}
    assert member("load", two, **settings)["account"] == "a"
    assert member("train", two, **settings)["account"] == "b"
    assert member("ithaca--end", two, **settings)["account"] == "a"


def test_resources_are_requested_for_the_container_that_runs_the_cells() -> None:
    tagged = Step(name="train", resources=Resources(limits={"nvidia.com/gpu": "1"}))
    found = train(tagged, requests={"cpu": 2})["asked"]["stepSpecs"]
    amounts = {"requests": {"cpu": "2"}, "limits": {"nvidia.com/gpu": "1"}}
    assert found == [{"name": "main", "computeResources": amounts}]


def test_labels_and_annotations_reach_the_pod() -> None:
    tagged = Step(name="train", labels={"a": "1"}, annotations={"b": "2"})
    found = train(tagged, labels={"team": "x"})["asked"]["metadata"]
    assert found == {"labels": {"team": "x", "a": "1"}, "annotations": {"b": "2"}}


def test_a_tag_takes_one_key_of_a_secret_and_a_setting_takes_all_of_its_keys() -> None:
    tagged = Step(name="train", secrets=(Secret(env="TOKEN", secret="hub", key="token"),))
    found = member("train", workflow(tagged), env_from_secrets=["all"], store_secret="store")
    assert found["pod"]["env"] == [
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"key": "token", "name": "hub"}}}
    ]
    main = next(each for each in found["task"]["steps"] if each["name"] == "main")
    assert [each["secretRef"]["name"] for each in main["envFrom"]] == ["store", "all"]


def test_tekton_gets_the_sum_of_both_budgets_of_attempts() -> None:
    assert train(Step(name="train", retries=3))["retries"] == 5
    assert "retries" not in train(infrastructure_retries=0)
    assert "--infrastructure-retries=2" in container()["args"]


def test_the_runner_may_fail_and_a_last_container_decides_whether_the_pod_fails() -> None:
    assert container()["onError"] == "continue"
    last = train()["task"]["steps"][-1]
    assert last["name"] == "verdict"
    assert "--judge=$(steps.step-main.exitCode.path)" in last["args"]


def test_a_step_that_needs_a_failed_step_is_skipped() -> None:
    found = member("train", workflow(Step(name="load"), Step(name="train", needs=("load",))))
    assert found["params"]["parents"] == "$(tasks.load.results.execution)"
    assert found["when"] == [
        {"input": "$(tasks.load.results.execution)", "operator": "notin", "values": [""]}
    ]


def test_a_time_limit_leaves_the_pod_room_and_the_run_has_none_unless_it_is_set() -> None:
    assert train(Step(name="train", timeout=29.5))["timeout"] == "630s"
    assert of("PipelineRun")[0]["timeouts"] == {"pipeline": "0"}
    assert of("PipelineRun", deadline=60)[0]["timeouts"] == {"pipeline": "0", "tasks": "60s"}


def test_a_last_task_records_the_end_unless_it_is_disabled() -> None:
    found = member("ithaca--end")
    assert found["params"]["status"] == "$(tasks.status)"
    assert found["retries"] == 1
    assert "finally" not in of("Pipeline", exit_handler=False)[0]


def test_an_approval_is_a_pod_that_waits_between_the_step_and_its_needs() -> None:
    asked = workflow(
        Step(name="load"), Step(name="train", needs=("load",), approval="Really $(params.x)?")
    )
    gate = member("approve--train", asked)
    assert gate["description"] == "Really $ (params.x)?"
    assert gate["params"]["asking"] == "train"
    assert gate["when"] == member("train", asked)["when"]
    assert "timeout" not in gate
    step = member("train", asked)
    assert step["params"]["decision"] == "$(tasks.approve--train.results.decision)"


def test_an_environment_is_installed_before_the_steps_that_wait_for_it() -> None:
    settings = {"environment": "lock:uv.lock@" + "5" * 64}
    found = member("ithaca--environment", **settings)
    assert found["params"]["preparing"] == "load"
    assert "--retries=$(context.task.retry-count)" in found["taskSpec"]["steps"][0]["args"]
    assert member("load", **settings)["runAfter"] == ["ithaca--environment"]


def test_a_volume_of_the_notebook_is_a_claim_and_the_work_folder_may_be_one() -> None:
    volume = Volume(name="data", mount_path="/data", claim="data", read_only=True)
    found = member("train", workflow(TRAIN, volumes=(volume,)), work={"storage_class": "fast"})
    volumes = {each["name"]: each for each in found["task"]["volumes"]}
    claim = {"claimName": "data", "readOnly": True}
    assert volumes["data-data"]["persistentVolumeClaim"] == claim
    assert "ephemeral" in volumes["ithaca-work"]


def test_ithaca_is_copied_from_the_runner_image_into_an_image_without_it() -> None:
    found = train(runner_image="runner:1")["task"]
    first, main, last = found["steps"]
    assert (first["name"], first["image"]) == ("install", "runner:1")
    assert main["command"][0] == last["command"][0] == "/ithaca/bin/python"
    mount = {"name": "ithaca", "mountPath": "/ithaca", "readOnly": True}
    assert mount in main["volumeMounts"]
    assert last["volumeMounts"] == [mount]


def test_a_planned_run_is_one_object_with_the_steps_that_its_plan_starts() -> None:
    plan = (
        PlannedStep(step="load", action="reuse", execution="e" * 64),
        PlannedStep(step="train", action="run"),
    )
    (found,) = emitted(workflow(), _run(*plan))
    assert found["metadata"]["name"] == "digits-01jaaaaaaaaaaaaaaaaaaaaaaa"
    (task,) = found["spec"]["pipelineSpec"]["tasks"]
    assert task["params"] == [{"name": "step", "value": "train"}]
    arguments = task["taskSpec"]["steps"][0]["args"]
    assert f"--parents={'e' * 64}" in arguments
    assert "--run=01JAAAAAAAAAAAAAAAAAAAAAAA" in arguments
    assert "when" not in task


def _run(*plan: PlannedStep) -> RunDocument:
    from tekton_workflows import run

    return run(*plan)


@pytest.mark.parametrize(
    "name", ["mutexes", "backoff", "pod_patch", "priority", "ttl", "pod_gc", "archive_logs"]
)
@pytest.mark.parametrize("step", ["", "train"])
def test_a_setting_that_tekton_does_not_support_is_refused_with_a_cure(
    name: str, step: str
) -> None:
    settings = {"steps": {step: {name: 1}}} if step else {name: 1}
    with pytest.raises(UsageError, match=f"does not support the setting `{name}`") as raised:
        emitted(**settings)
    assert raised.value.code == "ITH680"
    assert raised.value.cure


def test_a_limit_of_parallel_steps_is_reported_as_ignored(tmp_path: Path) -> None:
    assert TektonBackend(PLAIN).check(workflow(), tmp_path) == ()
    (notice,) = TektonBackend({**PLAIN, "parallel": 2}).check(workflow(), tmp_path)
    assert "ignores the setting `parallel`" in notice


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"tolerationz": []}, "unknown field `tolerationz`"),
        ({"steps": {"trian": {}}}, "no step `trian`"),
        ({"approval_task": {}}, "missing required field `approvers`"),
        ({"approval_task": {"approvers": []}}, "must not be empty"),
        ({"approval_task": {"approvers": ["group: science"]}}, "(got 'group: science')"),
        ({"approval_task": {"approvers": ["ann"], "required": 0}}, "must be at least 1"),
        ({"approval_task": {"approvers": ["ann", "ann"], "required": 2}}, "has only 1"),
        ({"tolerations": [{"kee": "x"}]}, 'unknown field "kee"; did you mean "key"'),
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused_with_its_place(settings: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        emitted(**settings)
    assert raised.value.code == "ITH650"
    assert "tool.ithaca.tekton" in (raised.value.where or "")


@pytest.mark.parametrize(
    ("step", "settings"),
    [
        (Step(name="train", image="$(params.x)"), {}),
        (Step(name="train", labels={"a": "$(context.taskRun.name)"}), {}),
        (TRAIN, {"env": {"A": "$(tasks.load.results.execution)"}}),
    ],
    ids=["image", "label", "variable"],
)
def test_a_text_in_which_tekton_would_substitute_is_refused(step: Step, settings: Any) -> None:
    with pytest.raises(UsageError, match="Tekton would substitute") as raised:
        emitted(workflow(step), **settings)
    assert raised.value.code == "ITH652"


def test_the_runner_sets_a_tags_variable_in_which_tekton_would_substitute() -> None:
    assert "env" not in train(Step(name="train", env={"A": "$(params.x)"}))["pod"]
