"""Ends of runs and pods that could not record their own end, on real controllers."""

from __future__ import annotations

import pytest

from cluster_places import ClusterPlace, connect
from places import statuses

pytestmark = pytest.mark.cluster


def test_the_next_pod_records_the_end_of_a_killed_runner(place: ClusterPlace) -> None:
    place.settings("infrastructure_retries = 1")
    place.notebook(("step:fit", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"))
    run = place.start()
    place.end(run)
    found = [each["error"]["message"] for each in place.show(f"{run}/fit")["attempts"]]
    assert found == ["its pod was killed: Error (exit code 137)"] * 2


def test_an_evicted_pod_shows_the_reason_of_its_eviction(place: ClusterPlace) -> None:
    place.settings('infrastructure_retries = 0\nwork = {size = "60Mi"}')
    code = "import time\nopen('big', 'wb').write(b'x' * 150 * 2**20)\ntime.sleep(300)"
    place.notebook(("step:fit", code))
    _, result = place.run()  # a watcher reads the kubelet's message; Tekton records one word of it
    error = result["steps"][0]["error"]
    assert error["code"] == "ITH523"
    assert error["message"].startswith("its pod was evicted: ")
    assert "Usage of EmptyDir volume" in error["message"]


def test_a_pending_pod_shows_its_reason_and_cure(place: ClusterPlace) -> None:
    place.notebook(("step:big request:cpu:900", "y = 1"))
    run = place.start()
    try:
        result = place.wait(run, lambda result: result["steps"][0]["obstacle"])
    finally:
        place.ithaca("runs", "cancel", run)
    assert "Insufficient cpu" in result["steps"][0]["obstacle"]["message"]
    assert "ask for less" in result["steps"][0]["obstacle"]["cure"]


def test_a_missing_secret_shows_its_name_and_cure(place: ClusterPlace) -> None:
    """Argo waits for the secret; for Tekton the pod has failed."""
    place.settings('env_from_secrets = ["no-such-secret"]')
    place.notebook(("step:a", "x = 1"))
    run = place.start()
    try:
        result = place.wait(
            run, lambda result: result["steps"][0]["obstacle"] or result["steps"][0]["error"]
        )
    finally:
        place.ithaca("runs", "cancel", run)
    problem = result["steps"][0]["obstacle"] or result["steps"][0]["error"]
    assert "no-such-secret" in problem["message"]
    assert "`env_from_secrets`" in problem["cure"]


def test_a_deadline_fails_the_run_and_times_out_its_step(place: ClusterPlace) -> None:
    place.settings("deadline = 30")
    place.notebook(("step:slow", "import time\ntime.sleep(600)"), ("step:then prev:slow", "x = 1"))
    run = place.start()
    result = place.end(run)
    assert (result["status"], statuses(result)) == (
        "failed",
        {"slow": "timed_out", "then": "skipped"},
    )
    shown = place.ithaca("runs", "show", run).stdout
    assert "exceeded its deadline of 30 s" in shown


@pytest.mark.parametrize("way", [0, 1], ids=["with a last pod", "at once"])
def test_stopping_a_run_in_the_engine_cancels_it(place: ClusterPlace, way: int) -> None:
    place.notebook(("step:slow", "import time\ntime.sleep(600)"))
    run = place.start()
    place.wait(run, lambda result: statuses(result)["slow"] == "running")
    connect().patch(place.kind, place.run_object(run), {"spec": place.stops[way]})
    result = place.end(run)
    assert result["status"] == "cancelled"
    assert statuses(result) == {"slow": "cancelled"}
    assert "stopped" in place.ithaca("runs", "show", run).stdout


def test_a_run_is_lost_if_its_object_is_deleted_while_it_is_watched(
    place: ClusterPlace,
) -> None:
    place.notebook(("step:slow", "import time\ntime.sleep(600)"))
    with place.begin("run", "nb.ipynb", "--backend", place.backend) as seen:
        assert seen.stdout is not None
        run = seen.stdout.readline().split()[1]
        while "running" not in seen.stdout.readline():
            pass
        connect().delete(place.kind, place.run_object(run))
        rest = seen.stdout.read()
    assert seen.returncode == 1
    assert f"its {place.kind.kind} was deleted" in rest
