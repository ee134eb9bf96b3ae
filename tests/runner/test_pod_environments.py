"""One pod installs a lock, and other pods restore the result."""

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


def test_a_step_imports_the_packages_that_a_preparing_pod_installed(cluster: Cluster) -> None:
    cluster.submit()
    prepared = cluster.pod(option(cluster), "--prepare=a", "--image=img:1")
    assert prepared.code == 0, prepared.output
    assert "installing requirements.txt for cpython" in prepared.output
    assert cluster.journal.attempts("a") == []
    again = cluster.pod(option(cluster), "--prepare=a", "--image=img:1")
    assert again.code == 0, again.output
    assert "is already installed for cpython" in again.output
    pod = cluster.step("a", option(cluster), "--image=img:1")
    assert pod.code == 0, pod.output
    assert "tinypack 1.0" in cluster.journal.log("a", 1)[0].decode()


def test_a_reused_step_restores_no_environment(cluster: Cluster) -> None:
    cluster.submit()
    assert cluster.pod(option(cluster), "--prepare=a").code == 0
    first = cluster.step("a", option(cluster))
    assert (first.work / "environment").is_dir(), first.output
    again = "01JRUNNER0000000000000000001"
    cluster.submit(id=again)
    second = cluster.pod("--step=a", option(cluster), run=again)
    assert second.out("execution") == first.out("execution")
    assert not (second.work / "environment").exists()


def test_a_step_without_its_environment_fails_without_a_retry(cluster: Cluster) -> None:
    cluster.submit()
    pod = cluster.step("a", option(cluster))
    assert pod.code == 65, pod.output
    error = getattr(cluster.journal.attempt_end("a", 1), "error", None)
    assert error is not None
    assert error.code == "ITH528"
    assert "start a new run" in error.cure


def test_a_lock_that_cannot_be_installed_fails_the_first_step_with_the_message_of_uv(
    cluster: Cluster,
) -> None:
    wheels.write_lock(cluster.project.root, "nosuchpack")
    cluster.submit()
    pod = cluster.pod(option(cluster), "--prepare=a", "--infrastructure-retries=2")
    assert pod.code == 65, pod.output
    assert "nosuchpack was not found" in pod.message
    error = cluster.journal.state().step("a").error
    assert error is not None
    assert (error.code, "nosuchpack was not found" in error.message) == ("ITH527", True)


def test_an_unreachable_index_is_retried_until_the_last_attempt(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    lines = "--index-url http://127.0.0.1:9/simple\nnosuchpack\n"
    (cluster.project.root / "requirements.txt").write_text(lines)
    cluster.submit()
    options = (option(cluster), "--prepare=a", "--infrastructure-retries=1")
    assert cluster.pod(*options, "--retries=0").code == 1
    assert cluster.journal.attempts("a") == []
    assert cluster.pod(*options, "--retries=1").code == 65
    assert cluster.journal.state().step("a").status == "failed"
