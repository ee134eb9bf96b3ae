"""The answer to a step's question reaches its pod and its record."""

from __future__ import annotations

from pathlib import Path

import pytest
from pod_project import Cluster
from step_project import Project, step

ASKING = step("a", "raise SystemExit('it ran')", approval="Go on?")
BACKEND = """
def answer(reference):
    return ("reject", "ann", f"no to {reference}")
"""


@pytest.fixture
def cluster(project: Project, tmp_path: Path) -> Cluster:
    project.define(ASKING)
    cluster = Cluster(project, tmp_path)
    cluster.submit()
    return cluster


def test_a_pod_reads_an_answer_through_the_backends_module(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere.py").write_text(BACKEND)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    pod = cluster.step("a", "--asked=elsewhere:run/approve--a")
    assert pod.code == 65, pod.output
    answer = cluster.journal.state().step("a").answer
    assert answer is not None
    assert (answer.kind, answer.by) == ("reject", "ann")
    assert answer.comment == "no to run/approve--a"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("ithaca_tekton.answers:r/approve--a", "the pod has no service account"),
        ("no_such_backend:r/a", "No module named 'no_such_backend'"),
    ],
)
def test_a_step_does_not_run_if_its_answer_cannot_be_read(
    cluster: Cluster, asked: str, message: str
) -> None:
    pod = cluster.step("a", f"--asked={asked}")
    end = cluster.journal.attempt_end("a", 1)
    assert end is not None
    assert end.error is not None
    assert (pod.code, end.status, end.retryable) == (65, "failed", False)
    assert end.error.code == "ITH536"
    assert message in end.error.message
