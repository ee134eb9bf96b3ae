"""`ithaca manifests` prepares a new namespace for runs, and `ithaca doctor` checks it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cluster_places import CREDENTIALS, STORE, ClusterPlace

pytestmark = pytest.mark.cluster


def kubectl(*words: str, given: str | None = None) -> str:
    done = subprocess.run(
        ["kubectl", *words], input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def namespaces() -> Iterator[dict[str, str]]:
    """A namespace for each backend, which the tests of this module prepare in order."""
    if not shutil.which("kubectl"):
        pytest.skip("there is no kubectl")
    found: dict[str, str] = {}
    yield found
    for name in found.values():
        kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def project(place: ClusterPlace, namespaces: dict[str, str]) -> ClusterPlace:
    """A project with such a namespace."""
    if place.backend not in namespaces:
        name = f"ithaca-{uuid.uuid4().hex[:8]}"
        kubectl("create", "namespace", name)
        namespaces[place.backend] = name
    place.namespace = namespaces[place.backend]
    place.settings('service_account = "ithaca"')
    return place


@pytest.fixture
def ready(project: ClusterPlace) -> ClusterPlace:
    """The project after `kubectl apply` of the printed manifests."""
    printed = project.ithaca("manifests", project.backend, "--secret-from-env")
    kubectl("apply", "-f", "-", given=printed.stdout)
    return project


@pytest.fixture
def submitter(ready: ClusterPlace, tmp_path: Path) -> str:
    """The kubeconfig of a user who has only the printed role for submitting."""
    namespace = ready.namespace
    if "people" not in kubectl("get", "serviceaccounts", "--namespace", namespace):
        kubectl("create", "serviceaccount", "people", "--namespace", namespace)
        kubectl(
            *("create", "rolebinding", "people", "--namespace", namespace),
            *(f"--role=ithaca-{ready.backend}-submit", f"--serviceaccount={namespace}:people"),
        )
    raw = yaml.safe_load(kubectl("config", "view", "--raw", "--minify", "--flatten"))
    token = kubectl("create", "token", "people", "--namespace", namespace).strip()
    raw["users"] = [{"name": "people", "user": {"token": token}}]
    raw["contexts"][0]["context"]["user"] = "people"
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(raw))
    return str(path)


def doctor(project: ClusterPlace, **env: str) -> tuple[int, dict[str, dict]]:
    done = project.ithaca("doctor", "--backend", project.backend, "--json", **env)
    assert done.stdout, done.stderr
    result = json.loads(done.stdout)
    assert result["well"] == (done.returncode == 0)
    return done.returncode, {each["what"]: each for each in result["checks"]}


def test_the_doctor_reports_missing_objects_with_the_commands_that_create_them(
    project: ClusterPlace,
) -> None:
    code, found = doctor(project)
    assert code == 4
    assert found["namespace"]["status"] == found[project.backend.title()]["status"] == "ok"
    assert found["service account"]["status"] == "failed"
    cure = found["service account"]["cure"]
    assert f"manifests {project.backend} --namespace {project.namespace} | kubectl apply" in cure
    assert found["secret"]["status"] == "failed"
    assert found["pod"]["status"] == "unknown"


def test_the_cures_of_the_doctor_fix_every_check(project: ClusterPlace) -> None:
    _, before = doctor(project)
    for what in ("service account", "secret"):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", "set -o pipefail; " + before[what]["cure"].strip("`")],
            cwd=project.folder,
            env={
                **os.environ,
                **CREDENTIALS,
                "PATH": path,
                "ITHACA_STORE": f"{STORE}/x",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    code, after = doctor(project)
    assert {each["status"] for each in after.values()} == {"ok"}, after
    assert code == 0
    assert after["store, from a pod"]["found"].startswith(STORE)


def test_the_printed_roles_allow_a_user_to_start_and_follow_runs(
    ready: ClusterPlace, submitter: str
) -> None:
    code, found = doctor(ready, KUBECONFIG=submitter)
    assert code == 0, found
    assert found["your rights"]["status"] == "ok"
    assert found["secret"]["status"] == found["pod"]["status"] == "unknown"
    ready.notebook(("step:load", "x = 20"), ("pipeline-metrics", "print(x)"))
    done = ready.ithaca(
        *("run", "nb.ipynb", "--backend", ready.backend, "--json"), KUBECONFIG=submitter
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "succeeded"
    pods = kubectl("get", "pods", "--namespace", ready.namespace, "-o", "name")
    assert "ithaca-doctor" not in pods


@pytest.mark.parametrize(
    ("env", "what", "message", "cure"),
    [
        ({"ITHACA_IMAGE": "registry.invalid/x:1"}, "image registry.invalid/x:1", "registry.invalid",
         "image_pull_secrets"),
        ({"ITHACA_IMAGE": "local/busybox:dev"}, "image local/busybox:dev", "not installed",
         "runner_image"),
        ({"ITHACA_STORE": "s3://no-such-bucket/x"}, "store, from a pod", "no such bucket",
         "create it"),
        ({"ITHACA_NAMESPACE": "ithaca-nowhere"}, "namespace", "there is no", "create namespace"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "store, from here", "credentials", "AWS_"),
    ],
)  # fmt: skip
def test_the_doctor_reports_a_wrong_setting_with_its_cure(
    ready: ClusterPlace, env: dict[str, str], what: str, message: str, cure: str
) -> None:
    code, found = doctor(ready, **env)
    assert code == 4
    assert found[what]["status"] == "failed"
    assert message in found[what]["found"]
    assert cure in found[what]["cure"]
