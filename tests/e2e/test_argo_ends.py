"""Ends of runs and pods that could not say themselves how they ended, on a real Argo controller."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import argo_cluster as cluster
import pytest
from argo_cluster import steps, wait_for, write

from ithaca.backends.kubernetes import Cluster
from ithaca_argo.workflow import WORKFLOW

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(bool(cluster.reason()), reason=cluster.reason() or "there is a cluster"),
]
OVER = ("succeeded", "failed", "cancelled", "lost")


@pytest.fixture(scope="module", autouse=True)
def secret() -> None:
    cluster.prepare()


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    def make(more: str = "") -> Path:
        folder = tmp_path / f"p{uuid.uuid4().hex[:8]}"
        (folder / ".git").mkdir(parents=True)
        cluster.project(folder, more)
        return folder

    return make


def start(folder: Path) -> str:
    started = cluster.ithaca(folder, "run", "nb.ipynb", "--backend", "argo", "--detach")
    assert started.returncode == 0, started.stderr
    return started.stdout.strip()


def workflow_of(run_id: str) -> tuple[Cluster, str]:
    api = Cluster.connect(namespace="default")
    ((found,), _) = api.list(WORKFLOW, labels={"ithaca/run": run_id})
    return api, found["metadata"]["name"]


def attempts(folder: Path, reference: str) -> list[dict[str, Any]]:
    shown = cluster.ithaca(folder, "runs", "show", reference, "--json")
    found: list[dict[str, Any]] = json.loads(shown.stdout)["attempts"]
    return found


def test_a_step_without_memory_says_so_with_its_limit_and_its_cell(
    project: Callable[[str], Path],
) -> None:
    folder = project("")
    write(
        folder,
        ("step:fit limit:memory:300Mi", "ready = 1"),
        ("step:fit", "big = bytearray(10**9)\nbig[:] = b'x' * 10**9"),
    )
    code, told = cluster.run(folder, "nb.ipynb")
    error = told["steps"][0]["error"]
    assert code == 1
    assert (error["code"], error["message"]) == ("ITH524", "out of memory: limit 300Mi")
    assert error["cell"] == 2


def test_a_runner_that_is_killed_gets_its_end_from_the_next_pod(
    project: Callable[[str], Path],
) -> None:
    folder = project("infrastructure_retries = 1")
    write(folder, ("step:fit", "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)"))
    run_id = start(folder)
    wait_for(folder, run_id, lambda told: told["status"] in OVER)
    found = [each["error"]["message"] for each in attempts(folder, f"{run_id}/fit")]
    assert found == ["its pod was killed: Error (exit code 137)"] * 2


def test_an_evicted_pod_says_why_although_it_was_only_told_to_end(
    project: Callable[[str], Path],
) -> None:
    folder = project('infrastructure_retries = 0\nwork = {size = "60Mi"}')
    code = "import time\nopen('big', 'wb').write(b'x' * 150 * 2**20)\ntime.sleep(300)"
    write(folder, ("step:fit", code))
    run_id = start(folder)
    told = wait_for(folder, run_id, lambda told: told["status"] in OVER)
    error = told["steps"][0]["error"]
    assert error["code"] == "ITH523"
    assert error["message"].startswith("its pod was evicted: Usage of EmptyDir volume")


def test_why_a_pod_does_not_start_is_shown_with_what_to_do(project: Callable[[str], Path]) -> None:
    folder = project('[tool.ithaca.argo.steps.secret]\nenv_from_secrets = ["no-such-secret"]')
    write(folder, ("step:secret", "x = 1"), ("step:big request:cpu:900", "y = 1"))
    run_id = start(folder)
    try:
        told = wait_for(
            folder, run_id, lambda told: all(each["obstacle"] for each in told["steps"])
        )
    finally:
        cluster.ithaca(folder, "runs", "cancel", run_id)
    reasons = [each["obstacle"]["reason"] for each in told["steps"]]
    assert reasons == ["CreateContainerConfigError", "Unschedulable"]
    assert "no-such-secret" in told["steps"][0]["obstacle"]["message"]


def test_a_run_whose_deadline_is_over_says_so_and_its_step_timed_out(
    project: Callable[[str], Path],
) -> None:
    folder = project("deadline = 30")
    write(folder, ("step:slow", "import time\ntime.sleep(600)"), ("step:then prev:slow", "x = 1"))
    run_id = start(folder)
    told = wait_for(folder, run_id, lambda told: told["status"] in OVER)
    assert (told["status"], steps(told)) == ("failed", {"slow": "timed_out", "then": "skipped"})
    shown = cluster.ithaca(folder, "runs", "show", run_id).stdout
    assert "its deadline of 30 s was over" in shown


@pytest.mark.parametrize("how", ["Stop", "Terminate"])
def test_a_run_that_is_stopped_in_argo_is_cancelled(
    project: Callable[[str], Path], how: str
) -> None:
    folder = project("")
    write(folder, ("step:slow", "import time\ntime.sleep(600)"))
    run_id = start(folder)
    wait_for(folder, run_id, lambda told: steps(told)["slow"] == "running")
    api, name = workflow_of(run_id)
    api.patch(WORKFLOW, name, {"spec": {"shutdown": how}})
    told = wait_for(folder, run_id, lambda told: told["status"] in OVER)
    assert told["status"] == "cancelled"
    assert "stopped" in cluster.ithaca(folder, "runs", "show", run_id).stdout


def test_a_run_whose_workflow_is_deleted_before_our_eyes_is_lost_and_says_so(
    project: Callable[[str], Path],
) -> None:
    folder = project("")
    write(folder, ("step:slow", "import time\ntime.sleep(600)"))
    command = [sys.executable, "-m", "ithaca", "run", "nb.ipynb", "--backend", "argo"]
    told = cluster.environment(folder)
    with subprocess.Popen(command, cwd=folder, env=told, stdout=subprocess.PIPE, text=True) as seen:
        assert seen.stdout is not None
        run_id = seen.stdout.readline().split()[1]
        while "running" not in seen.stdout.readline():
            pass
        api, name = workflow_of(run_id)
        api.delete(WORKFLOW, name)
        rest = seen.stdout.read()
    assert seen.returncode == 1
    assert "its Workflow was deleted" in rest
