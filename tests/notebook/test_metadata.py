from __future__ import annotations

import pytest

from ithaca.model.workflow import Study, Volume

STEP = ("a = 1", "step:a")
SEARCH = {
    "parameters": [{"name": "lr", "parameterType": "double", "feasibleSpace": {"min": "0.1"}}],
    "objective": {"type": "minimize", "objectiveMetricName": "loss"},
    "algorithm": {"algorithmName": "grid"},
    "maxTrialCount": 12,
}


def test_without_metadata_the_name_is_that_of_the_file(outlined):
    tagged, _ = outlined(STEP, name="My first_model.ipynb")
    assert (tagged.name, tagged.description) == ("my-first-model", "")


def test_kales_name_and_description_become_the_workflows(outlined):
    tagged, found = outlined(
        STEP,
        kubeflow_notebook={
            "pipeline_name": "dog-breed", "pipeline_description": "Dogs", "experiment_name": "e",
            "experiment": {"id": "new", "name": "e"}, "docker_image": "", "katib_run": False,
            "autosnapshot": True, "snapshot_volumes": True, "marshal_volume": True, "volumes": [],
            "abs_working_dir": "/home/jovyan", "steps_defaults": [], "something_new": 1,
        },
    )  # fmt: skip
    assert found == []
    assert (tagged.name, tagged.description) == ("dog-breed", "Dogs")


@pytest.mark.parametrize("key", ["docker_image", "base_image"])
def test_kales_image_becomes_the_default(steps, key):
    found = steps(STEP, ("b", "step:b", "image:own:1"), kubeflow_notebook={key: "gcr.io/x:1"})
    assert found["a"].settings.image == "gcr.io/x:1"
    assert found["b"].settings.image == "own:1"


def test_kales_new_image_key_wins_over_the_old_one(steps):
    found = steps(STEP, kubeflow_notebook={"base_image": "new", "docker_image": "old"})
    assert found["a"].settings.image == "new"


def test_kales_caching_switch_becomes_the_default(steps):
    found = steps(STEP, ("b", "step:b", "cache:on"), kubeflow_notebook={"enable_caching": False})
    assert [found[name].settings.cache for name in "ab"] == [False, True]


def test_kales_search_is_kept_unchanged(outlined):
    tagged, found = outlined(STEP, kubeflow_notebook={"katib_run": True, "katib_metadata": SEARCH})
    assert found == []
    assert tagged.study == Study(format="katib", content=SEARCH)


def test_an_empty_search_of_kale_is_ignored(outlined):
    empty = {"parameters": [], "objective": {"objectiveMetricName": "", "type": "minimize"}}
    assert outlined(STEP, kubeflow_notebook={"katib_metadata": empty})[0].study is None


def test_kales_claims_are_mounted_and_its_copies_are_not(outlined):
    tagged, (notice,) = outlined(
        STEP,
        kubeflow_notebook={
            "volumes": [
                {"name": "my-data", "mount_point": "/data", "type": "pvc",
                 "expose_as_env_var": True, "snapshot": False, "size": 5},
                {"name": "workspace", "mount_point": "/home/jovyan", "type": "clone"},
            ]
        },
    )  # fmt: skip
    assert tagged.volumes == (
        Volume(name="my-data", mount_path="/data", claim="my-data", read_only=False),
    )
    assert tagged.steps[0].settings.env == {"KALE_VOLUME_MY_DATA": "/data"}
    assert (notice.code, notice.severity) == ("ITH142", "notice")
    assert "'workspace'" in notice.message


def test_the_key_ithaca_wins_over_kales(outlined):
    tagged, _ = outlined(
        STEP,
        kubeflow_notebook={"pipeline_name": "kale", "pipeline_description": "said by kale"},
        ithaca={"name": "Ours", "image": "x", "env": {"A": "1"}, "study": {"lr": "float(0,1)"}},
    )
    assert (tagged.name, tagged.description) == ("ours", "said by kale")
    assert tagged.study == Study(format="ithaca", content={"lr": "float(0,1)"})
    assert tagged.steps[0].settings.image == "x"
    assert tagged.steps[0].settings.env == {"A": "1"}


def test_volumes_are_read_from_the_key_ithaca(outlined):
    tagged, found = outlined(
        STEP,
        ithaca={"volumes": [{"name": "d", "mount_path": "/d", "path": "/mnt/d", "version": "3"}]},
    )
    assert found == []
    assert tagged.volumes == (Volume(name="d", mount_path="/d", path="/mnt/d", version="3"),)


@pytest.mark.parametrize(
    ("volume", "complaint"),
    [
        ({"name": "A b", "mount_path": "/d", "claim": "c"}, "must have a DNS label"),
        ({"name": "a", "mount_path": "d", "claim": "c"}, "is not an absolute path"),
        ({"name": "a", "mount_path": "/d/../e", "claim": "c"}, "is not an absolute path"),
        ({"name": "a", "mount_path": "/d"}, "either a `claim` or a `path`"),
        ({"name": "a"}, "mount_path"),
    ],
)
def test_a_wrong_volume_is_an_error(problems, volume, complaint):
    (found,) = problems(STEP, ithaca={"volumes": [volume]})
    assert found.code == "ITH140"
    assert complaint in found.message


@pytest.mark.parametrize("key", ["ithaca", "kubeflow_notebook"])
@pytest.mark.parametrize("value", [[], "x", None])
def test_metadata_must_be_an_object(problems, key, value):
    (found,) = problems(STEP, **{key: value})
    assert (found.code, found.severity) == ("ITH140", "error")


def test_a_field_of_the_wrong_type_is_an_error(problems):
    (found,) = problems(STEP, kubeflow_notebook={"pipeline_name": 3, "volumes": "x"})[:1]
    assert "`name` in metadata key `kubeflow_notebook` is invalid" in found.message


def test_a_misspelt_key_is_a_warning_and_an_unknown_one_is_kept(problems):
    (found,) = problems(STEP, ithaca={"step_defaults": [], "x_mine": 1})
    assert (found.code, found.severity) == ("ITH141", "warning")
    assert 'did you mean "steps_defaults"?' in found.message


def test_the_kernel_is_carried(outlined):
    tagged, _ = outlined(STEP, kernelspec={"name": "env1", "language": "python"})
    assert tagged.kernel == "env1"
