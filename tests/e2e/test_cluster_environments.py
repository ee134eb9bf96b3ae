"""Environments on real clusters: a lock that one pod installs, and a captured environment."""

from __future__ import annotations

import subprocess
import sys

import pytest

import environment_wheels as wheels
from cluster_places import ArgoPlace, ClusterPlace
from places import statuses

pytestmark = pytest.mark.cluster

IN_THE_IMAGE = "import glob; sys.path += glob.glob('/opt/venv/lib/python3.*/site-packages')"
"""A line of a `.pth` file that lets an environment import the ipykernel of the tests' image."""


@pytest.fixture
def locked(place: ClusterPlace) -> ClusterPlace:
    """A notebook whose steps import a package of the lock."""
    wheels.write(place.folder / "wheels", "tinypack")
    wheels.write(place.folder / "wheels", "kernelpack", image__pth=f"import sys; {IN_THE_IMAGE}\n")
    wheels.write_lock(place.folder, "tinypack", "kernelpack")
    place.notebook(
        ("step:load", "import tinypack\nversion = tinypack.VERSION"),
        ("step:tell prev:load", "import tinypack\nprint(version, tinypack.__file__)"),
    )
    return place


def test_one_pod_installs_a_lock_for_all_steps_and_the_next_run_reuses_them(
    locked: ClusterPlace,
) -> None:
    code, result = locked.run("--environment", "lock")
    assert (code, result["status"]) == (0, "succeeded"), result
    shown = locked.ithaca("runs", "logs", f"{result['id']}/tell").stdout
    assert "1.0 /ithaca-work/environment/lib/python3" in shown
    code, again = locked.run("--environment", "lock")
    assert (code, set(statuses(again).values())) == (0, {"reused"})


def test_a_lock_that_cannot_be_installed_fails_the_run_with_the_message_of_uv(
    locked: ClusterPlace,
) -> None:
    wheels.write_lock(locked.folder, "nosuchpack")
    code, result = locked.run("--environment", "lock")
    assert code == 1
    assert statuses(result) == {"load": "failed", "tell": "skipped"}
    assert result["steps"][0]["error"]["code"] == "ITH527"
    assert "nosuchpack was not found" in result["steps"][0]["error"]["message"]


def test_steps_import_the_captured_packages_of_the_submitting_machine(argo: ArgoPlace) -> None:
    wheels.write(argo.folder / "wheels", "tinypack")
    python = str(argo.folder / "env" / "bin" / "python")
    given = ("--find-links", "wheels", "tinypack", "ipykernel")
    for words in (
        ("venv", "--python", sys.executable, "env"),
        ("pip", "install", "--python", python, *given),
    ):
        subprocess.run([sys.executable, "-m", "uv", "-q", *words], cwd=argo.folder, check=True)
    argo.notebook(("step:tell", "import tinypack\nprint(tinypack.VERSION, tinypack.__file__)"))
    code, result = argo.run("--environment", "capture", "--python", python)
    assert (code, result["status"]) == (0, "succeeded"), result
    shown = argo.ithaca("runs", "logs", f"{result['id']}/tell").stdout
    assert "1.0 /ithaca-work/environment/lib/python3" in shown
