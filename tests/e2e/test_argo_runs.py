"""Runs on a real Argo controller, started from the command line as a user would."""

from __future__ import annotations

import json
import shutil
import time
import uuid
from pathlib import Path

import argo_cluster as cluster
import pytest
from argo_cluster import steps, wait_for, write

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(bool(cluster.reason()), reason=cluster.reason() or "there is a cluster"),
]

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module", autouse=True)
def secret() -> None:
    cluster.prepare()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / f"p{uuid.uuid4().hex[:8]}"
    (folder / ".git").mkdir(parents=True)
    cluster.project(folder)
    return folder


def test_the_digits_example_runs_on_argo_and_its_second_run_starts_no_pod(project: Path) -> None:
    shutil.copytree(EXAMPLES / "digits", project, dirs_exist_ok=True)
    code, told = cluster.run(project, "digits.ipynb")
    assert (code, told["status"]) == (0, "succeeded"), told
    assert told["metrics"]["accuracy"] > 0.9
    shown = cluster.ithaca(project, "runs", "logs", told["id"])
    assert shown.returncode == 0, shown.stderr
    code, again = cluster.run(project, "digits.ipynb")
    assert (code, set(steps(again).values())) == (0, {"reused"})
    assert again["metrics"] == told["metrics"]


def test_values_cross_branches_and_joins(project: Path) -> None:
    write(
        project,
        ("step:load", "rows = [1, 2, 3]"),
        ("step:left prev:load", "a = sum(rows)"),
        ("step:right prev:load", "b = max(rows)"),
        ("step:join prev:left prev:right", "total = a + b"),
        ("pipeline-metrics", "print(total)"),
    )
    code, told = cluster.run(project, "nb.ipynb")
    assert (code, told["metrics"]) == (0, {"total": 9}), told


def test_a_failing_cell_is_told_with_its_place_and_another_machine_sees_it(
    project: Path, tmp_path: Path
) -> None:
    write(
        project,
        ("step:good", "x = 1"),
        ("step:bad prev:good", "y = 1\nz = y / 0"),
        ("step:after prev:bad", "print(z)"),
    )
    code, told = cluster.run(project, "nb.ipynb")
    assert (code, told["status"]) == (1, "failed")
    assert steps(told) == {"good": "succeeded", "bad": "failed", "after": "skipped"}
    error = told["steps"][1]["error"]
    assert (error["name"], error["cell"], error["line"]) == ("ZeroDivisionError", 2, 2), error
    other = tmp_path / "elsewhere" / project.name
    (other / ".git").mkdir(parents=True)
    cluster.project(other)
    shown = cluster.ithaca(other, "runs", "show", "latest", "--json")
    assert json.loads(shown.stdout)["id"] == told["id"]
    assert "ZeroDivisionError" in cluster.ithaca(other, "runs", "logs", "latest/bad").stdout


def test_a_step_that_fails_has_as_many_attempts_as_its_tag_says(project: Path) -> None:
    write(project, ("step:flaky retry:1", "1 / 0"))
    exit_code, told = cluster.run(project, "nb.ipynb")
    assert (exit_code, told["status"]) == (1, "failed")
    shown = cluster.ithaca(project, "runs", "show", f"{told['id']}/flaky", "--json")
    assert [each["status"] for each in json.loads(shown.stdout)["attempts"]] == ["failed", "failed"]


@pytest.mark.parametrize(("answer", "status"), [("approve", "succeeded"), ("reject", "failed")])
def test_a_person_is_asked_and_the_answer_counts(project: Path, answer: str, status: str) -> None:
    write(project, ("step:ask approval:Really?", "x = 1"))
    started = cluster.ithaca(project, "run", "nb.ipynb", "--backend", "argo", "--detach")
    run_id = started.stdout.strip()
    assert started.returncode == 0, started.stderr
    wait_for(project, run_id, lambda told: steps(told)["ask"] == "waiting" and suspended(run_id))
    said = cluster.ithaca(project, "runs", answer, f"{run_id}/ask", "--comment", "because")
    assert said.returncode == 0, said.stderr
    told = wait_for(project, run_id, lambda told: told["status"] not in ("pending", "running"))
    assert (told["status"], steps(told)["ask"]) == (status, status)
    assert told["steps"][0]["answer"]["comment"] == "because"


def test_a_cancelled_run_ends_its_pods(project: Path) -> None:
    write(project, ("step:long", "import time\ntime.sleep(600)"))
    started = cluster.ithaca(project, "run", "nb.ipynb", "--backend", "argo", "--detach")
    run_id = started.stdout.strip()
    wait_for(project, run_id, lambda told: steps(told)["long"] == "running")
    assert cluster.ithaca(project, "runs", "cancel", run_id).returncode == 0
    told = wait_for(project, run_id, lambda told: told["status"] not in ("pending", "running"))
    assert told["status"] == "cancelled"


def test_a_step_whose_pod_is_deleted_is_run_again_from_a_fresh_restore(project: Path) -> None:
    code = (
        "import time\n"
        "from pathlib import Path\n"
        "assert not Path('half').exists()\n"
        "Path('half').write_text('x')\n"
        "time.sleep(12)\n"
        "done = 1"
    )
    write(project, ("step:slow", code), ("pipeline-metrics", "print(done)"))
    started = cluster.ithaca(project, "run", "nb.ipynb", "--backend", "argo", "--detach")
    run_id = started.stdout.strip()
    wait_for(project, run_id, lambda told: steps(told)["slow"] == "running")
    delete_pod(run_id)
    told = wait_for(project, run_id, lambda told: told["status"] not in ("pending", "running"))
    assert (told["status"], told["metrics"]) == ("succeeded", {"done": 1})
    shown = cluster.ithaca(project, "runs", "show", f"{run_id}/slow", "--json")
    first, second = json.loads(shown.stdout)["attempts"]
    assert (first["status"], second["status"]) == ("failed", "succeeded")


def test_a_workflow_that_nobody_submitted_through_us_runs_and_is_recorded(project: Path) -> None:
    write(
        project,
        ("pipeline-parameters", "n = 1"),
        ("step:load", "rows = [n] * 3"),
        ("step:total prev:load", "total = sum(rows)"),
        ("pipeline-metrics", "print(total)"),
    )
    said = cluster.ithaca(
        project, *("compile", "nb.ipynb", "--backend", "argo", "--push", "-o", "argo.yaml")
    )
    assert said.returncode == 0, said.stderr
    submitted = submit(project / "argo.yaml", n="5")
    while (told := latest(project)) is None or told["status"] in ("pending", "running"):
        time.sleep(1)
    assert (told["status"], told["metrics"]) == ("succeeded", {"total": 15}), submitted
    assert told["parameters"] == {"n": 5}


def submit(manifests: Path, **arguments: str) -> str:
    """As `kubectl apply` and `argo submit -p` do."""
    import yaml

    from ithaca.backends.kubernetes import Cluster

    api = Cluster.connect(namespace="default")
    template, workflow = yaml.safe_load_all(manifests.read_text())
    template["metadata"]["name"] = f"nb-{uuid.uuid4().hex[:8]}"
    api.apply(template)
    workflow["spec"]["workflowTemplateRef"]["name"] = template["metadata"]["name"]
    told = [{"name": name, "value": text} for name, text in arguments.items()]
    workflow["spec"]["arguments"] = {"parameters": told}
    name: str = api.create(workflow)["metadata"]["name"]
    return name


def latest(folder: Path) -> dict | None:
    shown = cluster.ithaca(folder, "runs", "show", "latest", "--json")
    return json.loads(shown.stdout) if shown.returncode == 0 else None


def delete_pod(run_id: str) -> None:
    from ithaca.backends.kubernetes import Cluster, Kind
    from ithaca_argo.workflow import WORKFLOW

    pods, api = Kind("", "v1", "Pod", "pods"), Cluster.connect(namespace="default")
    ((workflow,), _) = api.list(WORKFLOW, labels={"ithaca/run": run_id})
    labels = {"workflows.argoproj.io/workflow": workflow["metadata"]["name"]}
    ((pod,), _) = api.list(pods, labels=labels)
    api.delete(pods, pod["metadata"]["name"])


def suspended(run_id: str) -> bool:
    from ithaca.backends.kubernetes import Cluster
    from ithaca_argo.workflow import WORKFLOW, gates

    found, _ = Cluster.connect(namespace="default").list(WORKFLOW, labels={"ithaca/run": run_id})
    return bool(found and gates(found[0]))
