"""A lock on a real cluster: installed by one pod, restored by the others."""

from __future__ import annotations

import uuid
from pathlib import Path

import argo_cluster as cluster
import pytest
from argo_cluster import write

import environment_wheels as wheels

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(bool(cluster.reason()), reason=cluster.reason() or "there is a cluster"),
]

IN_THE_IMAGE = "import glob; sys.path += glob.glob('/opt/venv/lib/python3.*/site-packages')"
"""A line of a `.pth` file that lets an environment import the ipykernel of the tests' image."""


@pytest.fixture(scope="module", autouse=True)
def secret() -> None:
    cluster.prepare()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A notebook whose steps import a package that only the lock brings."""
    folder = tmp_path / f"p{uuid.uuid4().hex[:8]}"
    (folder / ".git").mkdir(parents=True)
    cluster.project(folder)
    wheels.write(folder / "wheels", "tinypack")
    wheels.write(folder / "wheels", "kernelpack", image__pth=f"import sys; {IN_THE_IMAGE}\n")
    wheels.write_lock(folder, "tinypack", "kernelpack")
    write(
        folder,
        ("step:load", "import tinypack\nversion = tinypack.VERSION"),
        ("step:tell prev:load", "import tinypack\nprint(version, tinypack.__file__)"),
    )
    return folder


def steps(told: dict) -> dict[str, str]:
    return {each["name"]: each["status"] for each in told["steps"]}


def test_steps_import_what_one_pod_has_installed_and_the_next_run_knows_it(project: Path) -> None:
    code, told = cluster.run(project, "nb.ipynb", "--environment", "lock")
    assert (code, told["status"]) == (0, "succeeded"), told
    shown = cluster.ithaca(project, "runs", "logs", f"{told['id']}/tell").stdout
    assert "1.0 /ithaca-work/environment/lib/python3" in shown
    code, again = cluster.run(project, "nb.ipynb", "--environment", "lock")
    assert (code, set(steps(again).values())) == (0, {"reused"})


def test_a_lock_that_cannot_be_installed_fails_the_run_with_what_uv_says(project: Path) -> None:
    wheels.write_lock(project, "nosuchpack")
    code, told = cluster.run(project, "nb.ipynb", "--environment", "lock")
    assert code == 1
    assert steps(told) == {"load": "failed", "tell": "skipped"}
    assert told["steps"][0]["error"]["code"] == "ITH527"
    assert "nosuchpack was not found" in told["steps"][0]["error"]["message"]
