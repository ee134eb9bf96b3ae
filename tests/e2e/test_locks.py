"""A lock on real clusters: installed by one pod, restored by the others."""

from __future__ import annotations

import pytest

import environment_wheels as wheels
from cluster_places import ClusterPlace
from places import statuses

pytestmark = pytest.mark.cluster

IN_THE_IMAGE = "import glob; sys.path += glob.glob('/opt/venv/lib/python3.*/site-packages')"
"""A line of a `.pth` file that lets an environment import the ipykernel of the tests' image."""


@pytest.fixture
def locked(place: ClusterPlace) -> ClusterPlace:
    """A notebook whose steps import a package that only the lock brings."""
    wheels.write(place.folder / "wheels", "tinypack")
    wheels.write(place.folder / "wheels", "kernelpack", image__pth=f"import sys; {IN_THE_IMAGE}\n")
    wheels.write_lock(place.folder, "tinypack", "kernelpack")
    place.notebook(
        ("step:load", "import tinypack\nversion = tinypack.VERSION"),
        ("step:tell prev:load", "import tinypack\nprint(version, tinypack.__file__)"),
    )
    return place


def test_steps_import_what_one_pod_has_installed_and_the_next_run_knows_it(
    locked: ClusterPlace,
) -> None:
    code, told = locked.run("--environment", "lock")
    assert (code, told["status"]) == (0, "succeeded"), told
    shown = locked.ithaca("runs", "logs", f"{told['id']}/tell").stdout
    assert "1.0 /ithaca-work/environment/lib/python3" in shown
    code, again = locked.run("--environment", "lock")
    assert (code, set(statuses(again).values())) == (0, {"reused"})


def test_a_lock_that_cannot_be_installed_fails_the_run_with_what_uv_says(
    locked: ClusterPlace,
) -> None:
    wheels.write_lock(locked.folder, "nosuchpack")
    code, told = locked.run("--environment", "lock")
    assert code == 1
    assert statuses(told) == {"load": "failed", "tell": "skipped"}
    assert told["steps"][0]["error"]["code"] == "ITH527"
    assert "nosuchpack was not found" in told["steps"][0]["error"]["message"]
