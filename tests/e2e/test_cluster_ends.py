"""Ends of runs and pods that could not say themselves how they ended, on real controllers."""

from __future__ import annotations

import pytest

from cluster_places import ClusterPlace, connect
from places import Told, statuses

pytestmark = pytest.mark.cluster


def test_a_runner_that_is_killed_gets_its_end_from_the_next_pod(place: ClusterPlace) -> None:
    place.settings("infrastructure_retries = 1")
    place.notebook(("step:fit", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"))
    run = place.start()
    place.end(run)
    found = [each["error"]["message"] for each in place.show(f"{run}/fit")["attempts"]]
    assert found == ["its pod was killed: Error (exit code 137)"] * 2


def test_an_evicted_pod_says_why_although_it_was_only_told_to_end(place: ClusterPlace) -> None:
    place.settings('infrastructure_retries = 0\nwork = {size = "60Mi"}')
    code = "import time\nopen('big', 'wb').write(b'x' * 150 * 2**20)\ntime.sleep(300)"
    place.notebook(("step:fit", code))
    _, told = place.run()  # a watcher sees the kubelet's message; Tekton passes on one word
    error = told["steps"][0]["error"]
    assert error["code"] == "ITH523"
    assert error["message"].startswith("its pod was evicted: ")
    assert "Usage of EmptyDir volume" in error["message"]


def test_why_a_pod_does_not_start_is_shown_with_what_to_do(place: ClusterPlace) -> None:
    place.notebook(("step:big request:cpu:900", "y = 1"))
    run = place.start()
    try:
        told = place.wait(run, lambda told: told["steps"][0]["obstacle"])
    finally:
        place.ithaca("runs", "cancel", run)
    assert "Insufficient cpu" in told["steps"][0]["obstacle"]["message"]
    assert "ask for less" in told["steps"][0]["obstacle"]["cure"]


def test_a_pod_that_misses_a_secret_says_so_with_what_to_do(place: ClusterPlace) -> None:
    """Argo waits for the secret; for Tekton the pod has failed."""
    place.settings('env_from_secrets = ["no-such-secret"]')
    place.notebook(("step:a", "x = 1"))
    run = place.start()
    try:
        told = place.wait(
            run, lambda told: told["steps"][0]["obstacle"] or told["steps"][0]["error"]
        )
    finally:
        place.ithaca("runs", "cancel", run)
    said = told["steps"][0]["obstacle"] or told["steps"][0]["error"]
    assert "no-such-secret" in said["message"]
    assert "`env_from_secrets`" in said["cure"]


def test_a_run_whose_deadline_is_over_says_so_and_its_step_timed_out(place: ClusterPlace) -> None:
    place.settings("deadline = 30")
    place.notebook(("step:slow", "import time\ntime.sleep(600)"), ("step:then prev:slow", "x = 1"))
    run = place.start()
    told = place.end(run)
    assert (told["status"], statuses(told)) == ("failed", {"slow": "timed_out", "then": "skipped"})
    shown = place.ithaca("runs", "show", run).stdout
    assert "exceeded its deadline of 30 s" in shown


@pytest.mark.parametrize("way", [0, 1], ids=["with a last pod", "at once"])
def test_a_run_that_is_stopped_in_the_engine_is_cancelled(place: ClusterPlace, way: int) -> None:
    place.notebook(("step:slow", "import time\ntime.sleep(600)"))
    run = place.start()
    place.wait(run, lambda told: statuses(told)["slow"] == "running")
    connect().patch(place.kind, place.run_object(run), {"spec": place.stops[way]})
    told = place.end(run)
    assert told["status"] == "cancelled"
    assert statuses(told) == {"slow": "cancelled"}
    assert "stopped" in place.ithaca("runs", "show", run).stdout


def test_a_run_whose_object_is_deleted_while_it_is_watched_is_lost(
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


def _said(told: Told) -> Told:
    """What is said of the only step."""
    (step,) = told["steps"]
    found: Told = step["obstacle"] or step["error"]
    return found
