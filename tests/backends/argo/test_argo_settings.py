"""Every tag and every setting reaches its field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from argo_workflows import PLAIN, emitted, pod, spec, task, workflow

from cluster_workflows import text_of
from ithaca.errors import UsageError
from ithaca.model.workflow import Resources, Secret, Step, Volume
from ithaca_argo import ArgoBackend

TRAIN = Step(name="train")
TOLERATION = {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}
AFFINITY = {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}}


def container(step: Step = TRAIN, **settings: Any) -> dict[str, Any]:
    found: dict[str, Any] = pod("train", workflow(step), **settings)["container"]
    return found


def variables(step: Step, **settings: Any) -> dict[str, Any]:
    return {each["name"]: each.get("value") for each in container(step, **settings)["env"]}


def volumes(**settings: Any) -> dict[str, Any]:
    return {each["name"]: each for each in pod("train", workflow(TRAIN), **settings)["volumes"]}


POD_FIELDS = [
    ({"tolerations": [TOLERATION]}, "tolerations", [TOLERATION]),
    ({"affinity": AFFINITY}, "affinity", AFFINITY),
    ({"node": {"pool": "a"}}, "nodeSelector", {"pool": "a"}),
    ({"service_account": "me"}, "serviceAccountName", "me"),
    ({"priority_class": "high"}, "priorityClassName", "high"),
    ({"scheduler": "volcano"}, "schedulerName", "volcano"),
    ({"security_context": {"runAsUser": 5}}, "securityContext", {"runAsUser": 5}),
]


@pytest.mark.parametrize(("setting", "field", "value"), POD_FIELDS, ids=lambda each: str(each)[:20])
def test_a_setting_reaches_its_field_for_all_steps_or_for_one(
    setting: dict[str, Any], field: str, value: Any
) -> None:
    two = workflow(Step(name="load"), TRAIN)
    assert pod("load", two, **setting)[field] == value
    assert pod("train", two, steps={"train": setting})[field] == value
    assert field not in pod("load", two, steps={"train": setting})


SPEC_FIELDS = [
    ({"service_account": "me"}, "serviceAccountName", "me"),
    ({"priority_class": "high"}, "podPriorityClassName", "high"),
    ({"image_pull_secrets": ["registry"]}, "imagePullSecrets", [{"name": "registry"}]),
    ({"parallel": 4}, "parallelism", 4),
    ({"priority": 7}, "priority", 7),
    ({"deadline": 60}, "activeDeadlineSeconds", 60),
    ({"archive_logs": False}, "archiveLogs", False),
    ({"mutexes": ["one"]}, "synchronization", {"mutexes": [{"name": "one"}]}),
    ({"pod_patch": {"hostIPC": True}}, "podSpecPatch", '{"hostIPC": true}'),
    (
        {"ttl": {"after_completion": 1, "after_success": 2, "after_failure": 3}},
        "ttlStrategy",
        {"secondsAfterCompletion": 1, "secondsAfterSuccess": 2, "secondsAfterFailure": 3},
    ),
    (
        {"pod_gc": {"strategy": "OnPodCompletion", "delay": "5m"}},
        "podGC",
        {"strategy": "OnPodCompletion", "deleteDelayDuration": "5m"},
    ),
]


@pytest.mark.parametrize(
    ("setting", "field", "value"), SPEC_FIELDS, ids=lambda each: str(each)[:20]
)
def test_a_setting_of_the_workflow_reaches_its_field(
    setting: dict[str, Any], field: str, value: Any
) -> None:
    assert spec(**setting)[field] == value


def test_both_objects_are_in_the_namespace() -> None:
    assert {each["metadata"]["namespace"] for each in emitted(namespace="a")} == {"a"}
    assert "namespace" not in emitted()[0]["metadata"]


def test_requests_and_limits_of_tags_and_settings_are_merged_by_resource() -> None:
    resources = Resources(requests={"memory": "1Gi"}, limits={"memory": "2Gi"})
    step = Step(name="train", resources=resources)
    general = {"requests": {"cpu": "4", "memory": "9Gi", "ephemeral-storage": "1Gi"}}
    own = {"train": {"limits": {"cpu": 2}}}
    assert container(step, **general, steps=own)["resources"] == {
        "requests": {"memory": "1Gi", "ephemeral-storage": "1Gi"},
        "limits": {"memory": "2Gi", "cpu": "2"},
    }


def test_a_requested_device_is_limited_too() -> None:
    step = Step(name="train", resources=Resources(requests={"nvidia.com/gpu": "1"}))
    found = container(step)["resources"]
    assert found["limits"] == found["requests"] == {"nvidia.com/gpu": "1"}


def test_an_image_comes_from_the_settings_the_tag_or_the_steps_own_settings() -> None:
    tagged = Step(name="train", image="torch:2")
    assert container()["image"] == "python:3.12"
    assert container(tagged)["image"] == "torch:2"
    assert container(tagged, steps={"train": {"image": "torch:3"}})["image"] == "torch:3"


def test_the_pull_policy_and_the_interpreter_reach_the_container() -> None:
    found = container(image_pull_policy="Never", python="/venv/bin/python")
    assert found["imagePullPolicy"] == "Never"
    assert "--python=/venv/bin/python" in found["args"]


def test_variables_come_from_settings_tags_and_secrets() -> None:
    secret = Secret(secret="db", key="password", env="PASSWORD")
    step = Step(name="train", env={"A": "tag"}, secrets=(secret,))
    settings = {"env": {"A": "general", "B": "general"}, "steps": {"train": {"env": {"C": "own"}}}}
    expected = {"A": "tag", "B": "general", "C": "own", "PASSWORD": None, "ITHACA_POD": None}
    assert variables(step, **settings) == expected
    (reference,) = [each for each in container(step)["env"] if each["name"] == "PASSWORD"]
    assert reference["valueFrom"] == {"secretKeyRef": {"name": "db", "key": "password"}}


def test_all_keys_of_a_secret_become_variables() -> None:
    found = container(env_from_secrets=["tokens"], store_secret="store")["envFrom"]
    assert [each["secretRef"]["name"] for each in found] == ["store", "tokens"]


def test_labels_and_annotations_of_tags_and_settings_reach_the_pod() -> None:
    step = Step(name="train", labels={"a": "tag"}, annotations={"b": "tag"})
    found = pod("train", workflow(step), labels={"a": "x", "c": "y"}, annotations={"d": "z"})
    assert found["metadata"]["labels"] == {
        "ithaca/step": "{{inputs.parameters.label}}",
        "a": "tag",
        "c": "y",
    }
    assert found["metadata"]["annotations"] == {"d": "z", "b": "tag"}


def test_a_node_tag_reaches_the_selector() -> None:
    step = Step(name="train", node={"kubernetes.io/arch": "arm64"})
    assert pod("train", workflow(step))["nodeSelector"] == {"kubernetes.io/arch": "arm64"}


def test_argo_gets_the_sum_of_both_budgets_of_attempts_and_the_runner_can_end_them() -> None:
    step = Step(name="train", retries=2)
    backoff = {"duration": "1m", "factor": 3, "cap": "9m"}
    found = pod("train", workflow(step), infrastructure_retries=3, backoff=backoff)["retryStrategy"]
    assert found["limit"] == 5
    assert found["retryPolicy"] == "Always"
    assert found["expression"] == 'lastRetry.exitCode != "65"'
    assert found["backoff"] == backoff


def test_with_a_single_attempt_there_is_no_retry_strategy_and_no_retry_count() -> None:
    found = pod("train", workflow(TRAIN), infrastructure_retries=0)
    assert "retryStrategy" not in found
    assert "--retries={{retries}}" not in found["container"]["args"]
    assert "--infrastructure-retries=0" in found["container"]["args"]


def test_a_time_limit_leaves_the_pod_room_for_the_runner() -> None:
    step = Step(name="train", timeout=89.5)
    assert pod("train", workflow(step))["activeDeadlineSeconds"] == 690
    assert pod("train", workflow(step), timeout_grace=10)["activeDeadlineSeconds"] == 100
    assert "activeDeadlineSeconds" not in pod("train", workflow(TRAIN))


def test_a_mutex_of_a_step_is_held_by_this_step_only() -> None:
    found = spec(workflow(TRAIN), steps={"train": {"mutexes": ["gpu"]}})
    assert found["templates"][1]["synchronization"] == {"mutexes": [{"name": "gpu"}]}
    assert "synchronization" not in found


def test_the_work_folder_is_an_empty_folder_or_a_claim_that_belongs_to_the_pod() -> None:
    assert volumes()["ithaca-work"]["emptyDir"] == {}
    small = volumes(work={"size": "8Gi", "medium": "Memory"})["ithaca-work"]["emptyDir"]
    assert small == {"sizeLimit": "8Gi", "medium": "Memory"}
    claim = volumes(work={"size": "20Gi", "storage_class": "fast"})["ithaca-work"]["ephemeral"]
    assert claim["volumeClaimTemplate"]["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "resources": {"requests": {"storage": "20Gi"}},
    }


def test_a_patch_of_a_step_is_unchanged_and_may_use_variables() -> None:
    patch = {"hostname": "{{workflow.name}}"}
    found = pod("train", workflow(TRAIN), steps={"train": {"pod_patch": patch}})
    assert json.loads(found["podSpecPatch"]) == patch
    assert json.loads(spec(pod_patch=patch)["podSpecPatch"]) == patch


def test_a_volume_of_the_notebook_is_a_claim() -> None:
    data = Volume(name="my_data", mount_path="/data", claim="data")
    found = pod("train", workflow(TRAIN, volumes=(data,)))
    claim = {"claimName": "data", "readOnly": True}
    assert {"name": "data-my-data", "persistentVolumeClaim": claim} in found["volumes"]
    mount = {"name": "data-my-data", "mountPath": "/data", "readOnly": True}
    assert mount in found["container"]["volumeMounts"]


def test_a_volume_without_a_claim_needs_one_from_the_settings() -> None:
    local = workflow(TRAIN, volumes=(Volume(name="data", mount_path="/data", path="data"),))
    with pytest.raises(UsageError, match="and no claim, so pods cannot mount it") as raised:
        spec(local)
    assert raised.value.code == "ITH653"
    found = pod("train", local, volume_claims={"data": "shared"})["volumes"]
    assert found[-1]["persistentVolumeClaim"]["claimName"] == "shared"


def test_ithaca_is_copied_from_the_runner_image_into_an_image_without_it() -> None:
    found = pod("train", workflow(TRAIN), runner_image="ithaca/runner:1")
    (copy,) = found["initContainers"]
    assert copy["image"] == "ithaca/runner:1"
    assert found["container"]["command"][0] == "/ithaca/bin/python"
    assert {"name": "ithaca", "emptyDir": {}} in found["volumes"]


def test_the_runner_image_itself_needs_no_copy() -> None:
    found = pod("train", workflow(TRAIN), runner_image="ithaca/runner:1", image="ithaca/runner:1")
    assert "initContainers" not in found
    assert found["container"]["command"][0] == "python3"
    assert container()["command"] == ["python3", "-P", "-m", "ithaca.runner"]


def test_a_store_may_be_a_claim() -> None:
    text = text_of(ArgoBackend({"image": "x", "store_claim": "store"}).emit(workflow(TRAIN)))
    assert "value: file:///ithaca-store" in text
    assert "claimName: store" in text


def test_a_nodes_cache_is_mounted() -> None:
    found = volumes(node_cache="/var/cache/ithaca")["ithaca-cache"]
    assert found["hostPath"] == {"path": "/var/cache/ithaca", "type": "DirectoryOrCreate"}


def test_a_last_pod_records_the_end_unless_it_is_disabled() -> None:
    found = spec()
    assert found["onExit"] == found["templates"][-1]["name"] == "ithaca--end"
    assert "--end={{workflow.status}}" in found["templates"][-1]["container"]["args"]
    assert "onExit" not in spec(exit_handler=False)


def test_the_last_pod_uses_the_image_of_a_step_when_no_other_is_set() -> None:
    text = text_of(
        ArgoBackend({"store": "s3://b"}).emit(workflow(Step(name="train", image="torch:2")))
    )
    assert text.count("image: torch:2") == 2


def test_an_approval_is_a_gate_with_the_question_between_the_step_and_its_needs() -> None:
    asked = workflow(
        Step(name="load"), Step(name="train", needs=("load",), approval="Really {{train}}?")
    )
    gate = task("approve--train", asked)
    assert gate["depends"] == "load"
    assert gate["arguments"] == {"step": "train", "question": "Really { {train}}?"}
    step = task("train", asked)
    assert step["depends"] == "load && approve--train"
    decided = "{{tasks.approve--train.outputs.parameters.decision}}"
    assert step["arguments"]["decision"] == decided
    (template,) = [each for each in spec(asked)["templates"] if "suspend" in each]
    assert template["outputs"]["parameters"][0]["valueFrom"] == {
        "supplied": {},
        "default": "approve",
    }


@pytest.mark.parametrize(
    ("settings", "said", "cure"),
    [
        (
            {"tolerationz": []},
            'did you mean "tolerations"',
            "known settings: ",
        ),
        ({"parallel": "many"}, "got `str`", "known settings: "),
        ({"parallel": 0}, "at least 1", "known settings: "),
        ({"infrastructure_retries": -1}, "must be at least 0", ""),
        ({"steps": {"train": {"ttl": {}}}}, "unknown field `ttl`", ""),
        ({"steps": {"trian": {}}}, "no step `trian`", "load, train"),
        ({"tolerations": [{"tolerationSeconds": "x"}]}, "must be an integer", "Toleration"),
        ({"tolerations": [{"kee": "x"}]}, 'unknown field "kee"', "Toleration"),
        ({"affinity": {"podAffinity": {"x": 1}}}, 'unknown field "podAffinity.x"', "Affinity"),
        ({"steps": {"train": {"timeout_grace": 0}}}, "`steps.train.timeout_grace` must be", ""),
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused(settings: Any, said: str, cure: str) -> None:
    with pytest.raises(UsageError, match=said) as raised:
        emitted(**settings)
    assert raised.value.code == "ITH650"
    assert cure in raised.value.cure


@pytest.mark.parametrize("name", ["store", "image"])
def test_without_a_store_or_an_image_the_message_says_how_to_set_one(name: str) -> None:
    settings = {key: value for key, value in PLAIN.items() if key != name}
    with pytest.raises(UsageError) as raised:
        text_of(ArgoBackend(settings).emit(workflow()))
    assert raised.value.code == "ITH651"
    assert f"ITHACA_{name.upper()}" in raised.value.cure
