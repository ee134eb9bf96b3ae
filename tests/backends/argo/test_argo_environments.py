"""Tasks that install an environment, and the steps that wait for them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from argo_workflows import emitted, pod, run, spec, task, workflow

from ithaca.errors import UsageError
from ithaca.model.run import PlannedStep
from ithaca.model.workflow import Step

LOCK = f"lock:requirements.txt@{'e' * 64}"
CAPTURE = f"capture@{'c' * 64}"
NAME = "ithaca--environment"


def names(found: dict[str, Any]) -> list[str]:
    return [each["name"] for each in found["templates"][0]["dag"]["tasks"]]


def planned(*known: str, environment: str = LOCK) -> dict[str, Any]:
    """The tasks of a run of `load` and `train`, by what they depend on."""
    plan = (
        PlannedStep(step=name, action="run", environment="i" if name in known else "")
        for name in ("load", "train")
    )
    document = msgspec.structs.replace(run(*plan), environment_from=environment)
    found = emitted(workflow(), document)[0]["spec"]
    return {each["name"]: each.get("depends") for each in found["templates"][0]["dag"]["tasks"]}


def test_without_a_lock_nothing_is_installed() -> None:
    assert names(spec()) == ["load", "train"]
    assert names(spec(environment=CAPTURE)) == ["load", "train"]
    assert not [each for each in pod("load")["container"]["args"] if "environment" in each]


@pytest.mark.parametrize("environment", [LOCK, CAPTURE])
def test_every_pod_of_a_step_gets_the_environment_to_restore(environment: str) -> None:
    for name in ("load", "train"):
        assert (
            f"--environment={environment}"
            in pod(name, environment=environment)["container"]["args"]
        )


def test_the_first_steps_wait_for_the_lock_to_be_installed_and_the_others_for_them() -> None:
    found = workflow(Step(name="a"), Step(name="b"), Step(name="c", needs=("a", "b")))
    assert names(spec(found, environment=LOCK)) == [NAME, "a", "b", "c"]
    assert task("a", found, environment=LOCK)["depends"] == NAME
    assert task("b", found, environment=LOCK)["depends"] == NAME
    assert task("c", found, environment=LOCK)["depends"] == "a && b"
    assert task(NAME, found, environment=LOCK)["arguments"] == {"step": "a"}


def test_each_image_gets_its_own_environment() -> None:
    found = workflow(
        Step(name="a"), Step(name="b", needs=("a",), image="other:1"), Step(name="c", needs=("b",))
    )
    assert names(spec(found, environment=LOCK)) == [NAME, f"{NAME}-2", "a", "b", "c"]
    assert task("b", found, environment=LOCK)["depends"] == f"a && {NAME}-2"
    assert task("c", found, environment=LOCK)["depends"] == "b"
    assert pod(f"{NAME}-2", found, environment=LOCK)["container"]["image"] == "other:1"


def test_a_planned_run_installs_only_environments_that_are_not_known() -> None:
    assert planned() == {NAME: None, "load": NAME, "train": "load"}
    assert planned("load", "train") == {"load": None, "train": "load"}
    assert planned("load") == {NAME: None, "load": None, "train": f"load && {NAME}"}


def test_a_planned_run_uses_the_environment_of_its_plan_and_not_of_the_settings() -> None:
    plan = (PlannedStep(step=name, action="run") for name in ("load", "train"))
    found = emitted(workflow(), run(*plan), environment=LOCK)[0]["spec"]
    assert names(found) == ["load", "train"]


def test_a_pod_that_installs_packages_requests_no_device() -> None:
    settings = {"limits": {"nvidia.com/gpu": 1, "memory": "4Gi"}, "environment": LOCK}
    assert pod(NAME, **settings)["container"]["resources"] == {"limits": {"memory": "4Gi"}}


@pytest.mark.parametrize(
    "settings", [{"env": {}}, {"env": {"UV_INDEX_URL": "https://index/simple"}}]
)
def test_the_url_of_a_package_index_reaches_the_pod_that_installs(settings: dict[str, Any]) -> None:
    variables = pod(NAME, environment=LOCK, **settings)["container"]["env"]
    assert [each["value"] for each in variables if "value" in each] == [*settings["env"].values()]


def test_a_password_in_the_url_of_a_package_index_is_refused() -> None:
    with pytest.raises(UsageError, match="UV_INDEX_URL contains a password") as caught:
        spec(env={"UV_INDEX_URL": "https://me:secret@index/simple"})
    assert caught.value.code == "ITH674"
    assert "env_from_secrets" in caught.value.cure
