"""Pods that install a lock once, and pods that restore what it became."""

from __future__ import annotations

from pathlib import Path

import pytest
from step_project import Project, step
from test_pod import Cluster

import environment_wheels as wheels
from ithaca.runner.environments import lock
from ithaca.runner.environments.wanted import Wanted

pytestmark = pytest.mark.slow

IMPORTING = "import tinypack\nprint('tinypack', tinypack.VERSION)"


@pytest.fixture
def cluster(project: Project, tmp_path: Path) -> Cluster:
    """A submitted run of a project with a lock."""
    wheels.write(project.root / "wheels", "tinypack")
    wheels.write_kernel(project.root / "wheels")
    wheels.write_lock(project.root, "tinypack", "kernelpack")
    project.define(step("a", IMPORTING))
    return Cluster(project, tmp_path)


def option(cluster: Cluster) -> str:
    root = cluster.project.root
    found = lock.find(root)
    return f"--environment={Wanted('lock', lock.digest(root, found), found.path)}"


def test_a_step_imports_what_the_preparatory_pod_installed(cluster: Cluster) -> None:
    cluster.submit()
    prepared = cluster.pod(option(cluster), "--prepare=a", "--image=img:1")
    assert prepared.code == 0, prepared.said
    assert "installing requirements.txt for cpython" in prepared.said
    assert cluster.journal.attempts("a") == []
    again = cluster.pod(option(cluster), "--prepare=a", "--image=img:1")
    assert again.code == 0, again.said
    assert "is already installed for cpython" in again.said
    pod = cluster.step("a", option(cluster), "--image=img:1")
    assert pod.code == 0, pod.said
    assert "tinypack 1.0" in cluster.journal.log("a", 1)[0].decode()


def test_a_step_that_is_reused_on_arrival_restores_nothing(cluster: Cluster) -> None:
    cluster.submit()
    assert cluster.pod(option(cluster), "--prepare=a").code == 0
    first = cluster.step("a", option(cluster))
    assert (first.work / "environment").is_dir(), first.said
    again = "01JRUNNER0000000000000000001"
    cluster.submit(id=again)
    second = cluster.pod("--step=a", option(cluster), run=again)
    assert second.out("execution") == first.out("execution")
    assert not (second.work / "environment").exists()


def test_a_step_whose_environment_nobody_installed_fails_for_good(cluster: Cluster) -> None:
    cluster.submit()
    pod = cluster.step("a", option(cluster))
    assert pod.code == 65, pod.said
    error = getattr(cluster.journal.attempt_end("a", 1), "error", None)
    assert error is not None
    assert error.code == "ITH528"
    assert "start a new run" in error.cure


def test_a_lock_that_cannot_be_installed_fails_the_first_step_with_what_uv_says(
    cluster: Cluster,
) -> None:
    wheels.write_lock(cluster.project.root, "nosuchpack")
    cluster.submit()
    pod = cluster.pod(option(cluster), "--prepare=a", "--infrastructure-retries=2")
    assert pod.code == 65, pod.said
    assert "nosuchpack was not found" in pod.message
    error = cluster.journal.state().step("a").error
    assert error is not None
    assert (error.code, "nosuchpack was not found" in error.message) == ("ITH527", True)


def test_an_index_that_does_not_answer_is_asked_again_while_attempts_are_left(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    lines = "--index-url http://127.0.0.1:9/simple\nnosuchpack\n"
    (cluster.project.root / "requirements.txt").write_text(lines)
    cluster.submit()
    told = (option(cluster), "--prepare=a", "--infrastructure-retries=1")
    assert cluster.pod(*told, "--retries=0").code == 1
    assert cluster.journal.attempts("a") == []
    assert cluster.pod(*told, "--retries=1").code == 65
    assert cluster.journal.state().step("a").status == "failed"
