"""Ends of runs and pods that could not say themselves how they ended, on a real Argo controller."""

from __future__ import annotations

import pytest

from cluster_places import ArgoPlace, connect
from ithaca_argo.workflow import WORKFLOW
from places import statuses

pytestmark = pytest.mark.cluster


def test_a_runner_that_is_killed_gets_its_end_from_the_next_pod(argo: ArgoPlace) -> None:
    argo.settings("infrastructure_retries = 1")
    argo.notebook(("step:fit", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"))
    run = argo.start()
    argo.end(run)
    found = [each["error"]["message"] for each in argo.show(f"{run}/fit")["attempts"]]
    assert found == ["its pod was killed: Error (exit code 137)"] * 2


def test_an_evicted_pod_says_why_although_it_was_only_told_to_end(argo: ArgoPlace) -> None:
    argo.settings('infrastructure_retries = 0\nwork = {size = "60Mi"}')
    code = "import time\nopen('big', 'wb').write(b'x' * 150 * 2**20)\ntime.sleep(300)"
    argo.notebook(("step:fit", code))
    run = argo.start()
    told = argo.end(run)
    error = told["steps"][0]["error"]
    assert error["code"] == "ITH523"
    assert error["message"].startswith("its pod was evicted: Usage of EmptyDir volume")


def test_why_a_pod_does_not_start_is_shown_with_what_to_do(argo: ArgoPlace) -> None:
    argo.settings('[tool.ithaca.argo.steps.secret]\nenv_from_secrets = ["no-such-secret"]')
    argo.notebook(("step:secret", "x = 1"), ("step:big request:cpu:900", "y = 1"))
    run = argo.start()
    try:
        told = argo.wait(run, lambda told: all(each["obstacle"] for each in told["steps"]))
    finally:
        argo.ithaca("runs", "cancel", run)
    reasons = [each["obstacle"]["reason"] for each in told["steps"]]
    assert reasons == ["CreateContainerConfigError", "Unschedulable"]
    assert "no-such-secret" in told["steps"][0]["obstacle"]["message"]


def test_a_run_whose_deadline_is_over_says_so_and_its_step_timed_out(argo: ArgoPlace) -> None:
    argo.settings("deadline = 30")
    argo.notebook(("step:slow", "import time\ntime.sleep(600)"), ("step:then prev:slow", "x = 1"))
    run = argo.start()
    told = argo.end(run)
    assert (told["status"], statuses(told)) == ("failed", {"slow": "timed_out", "then": "skipped"})
    shown = argo.ithaca("runs", "show", run).stdout
    assert "its deadline of 30 s was over" in shown


@pytest.mark.parametrize("how", ["Stop", "Terminate"])
def test_a_run_that_is_stopped_in_argo_is_cancelled(argo: ArgoPlace, how: str) -> None:
    argo.notebook(("step:slow", "import time\ntime.sleep(600)"))
    run = argo.start()
    argo.wait(run, lambda told: statuses(told)["slow"] == "running")
    connect().patch(WORKFLOW, argo.workflow(run), {"spec": {"shutdown": how}})
    told = argo.end(run)
    assert told["status"] == "cancelled"
    assert "stopped" in argo.ithaca("runs", "show", run).stdout


def test_a_run_whose_workflow_is_deleted_before_our_eyes_is_lost_and_says_so(
    argo: ArgoPlace,
) -> None:
    argo.notebook(("step:slow", "import time\ntime.sleep(600)"))
    with argo.begin("run", "nb.ipynb", "--backend", "argo") as seen:
        assert seen.stdout is not None
        run = seen.stdout.readline().split()[1]
        while "running" not in seen.stdout.readline():
            pass
        connect().delete(WORKFLOW, argo.workflow(run))
        rest = seen.stdout.read()
    assert seen.returncode == 1
    assert "its Workflow was deleted" in rest
