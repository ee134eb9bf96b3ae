"""What is of Argo alone, on a real controller; what every backend does is in `conformance`."""

from __future__ import annotations

import contextlib
import shutil
import time
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster_places import NAMESPACE, ArgoPlace, connect
from ithaca.backends.kubernetes import Conflict
from ithaca_argo.workflow import WORKFLOW
from outside import Outside
from places import GOING_ON, POLL, Told, statuses

pytestmark = pytest.mark.cluster

EXAMPLES = Path(__file__).parents[2] / "examples"
GOLDEN = Path(__file__).parents[1] / "backends" / "argo" / "__snapshots__" / "test_argo_manifests"


def test_the_digits_example_runs_on_argo_and_its_second_run_starts_no_pod(argo: ArgoPlace) -> None:
    shutil.copytree(EXAMPLES / "digits", argo.folder, dirs_exist_ok=True)
    code, told = argo.run(notebook="digits.ipynb")
    assert (code, told["status"]) == (0, "succeeded"), told
    assert told["metrics"]["accuracy"] > 0.9
    code, again = argo.run(notebook="digits.ipynb")
    assert (code, set(statuses(again).values())) == (0, {"reused"})
    assert again["metrics"] == told["metrics"]
    assert connect().get(WORKFLOW, f"digits-{again['id'].lower()}") is None


def test_a_pod_that_is_asked_to_end_is_followed_by_another(
    argo: ArgoPlace, outside: Outside
) -> None:
    argo.notebook(outside.cell, ("step:slow", "outside('gate', 'slow')"))
    run = argo.start()
    argo.wait(run, lambda told: outside.waiting["slow"])
    argo.ask_to_end(run, "slow")
    argo.wait(run, lambda told: not outside.waiting["slow"])
    outside.open("slow")
    assert argo.end(run)["status"] == "succeeded"
    assert argo.attempts(run, "slow") == ["failed", "succeeded"]


def test_argos_own_button_approves(argo: ArgoPlace) -> None:
    argo.notebook(("step:ask approval:Really?", "x = 1"))
    run = argo.start()
    argo.wait(run, lambda told: statuses(told)["ask"] == "waiting")
    resume(argo, run)
    told = argo.end(run)
    assert (told["status"], told["steps"][0]["answer"]["answer"]) == ("succeeded", "approved")


def test_objects_of_the_store_are_kept_on_the_node(argo: ArgoPlace) -> None:
    argo.settings('node_cache = "/var/tmp/ithaca-e2e"')
    argo.notebook(
        ("step:load", "open('data.bin', 'wb').write(b'x' * 10**6)"),
        (
            "step:look prev:load",
            "from pathlib import Path\n"
            "kept = sum(1 for each in Path('/ithaca-cache').rglob('*') if each.is_file())",
        ),
        ("pipeline-metrics", "kept"),
    )
    code, told = argo.run()
    assert (code, told["status"]) == (0, "succeeded"), told
    assert told["metrics"]["kept"] > 0


@pytest.mark.parametrize("golden", sorted(GOLDEN.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_api_server_takes_the_golden_manifests(golden: Path, argo: ArgoPlace) -> None:
    for manifest in yaml.safe_load_all(golden.read_text()):
        manifest["metadata"]["namespace"] = NAMESPACE
        assert connect().create(manifest, dry_run=True)["kind"] == manifest["kind"]


def test_a_workflow_that_nobody_submitted_through_us_runs_and_is_recorded(argo: ArgoPlace) -> None:
    argo.notebook(
        ("pipeline-parameters", "n = 1"),
        ("step:load", "rows = [n] * 3"),
        ("step:total prev:load", "total = sum(rows)"),
        ("pipeline-metrics", "print(total)"),
    )
    said = argo.ithaca(
        *("compile", "nb.ipynb", "--backend", "argo", "--push", "-o", "argo.yaml"),
    )
    assert said.returncode == 0, said.stderr
    submitted = submit(argo.folder / "argo.yaml", n="5")
    while (told := latest(argo)) is None or told["status"] in GOING_ON:
        time.sleep(POLL)
    assert (told["status"], told["metrics"]) == ("succeeded", {"total": 15}), submitted
    assert told["parameters"] == {"n": 5}


def submit(manifests: Path, **arguments: str) -> str:
    """As `kubectl apply` and `argo submit -p` do."""
    template, workflow = yaml.safe_load_all(manifests.read_text())
    template["metadata"]["name"] = f"nb-{uuid.uuid4().hex[:8]}"
    connect().apply(template)
    workflow["spec"]["workflowTemplateRef"]["name"] = template["metadata"]["name"]
    told = [{"name": name, "value": text} for name, text in arguments.items()]
    workflow["spec"]["arguments"] = {"parameters": told}
    name: str = connect().create(workflow)["metadata"]["name"]
    return name


def latest(place: ArgoPlace) -> Told | None:
    """The newest run, once there is one."""
    if place.ithaca("runs", "show", "latest").returncode != 0:
        return None
    return place.show("latest")


def resume(place: ArgoPlace, run_id: str) -> None:
    """As the button in Argo's UI and `argo resume` do: what waits succeeds with its defaults."""
    name = place.workflow(run_id)
    while True:
        found = connect().get(WORKFLOW, name) or {}
        waiting = [node for node in _nodes(found) if _waits(node)]
        for node in waiting:
            node["phase"] = "Succeeded"
            node["finishedAt"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            for parameter in node["outputs"]["parameters"]:
                parameter["value"] = parameter.pop("valueFrom")["default"]
        with contextlib.suppress(Conflict):
            if waiting:
                connect().replace(WORKFLOW, found)
                return
        time.sleep(POLL)


def _nodes(workflow: dict[str, Any]) -> Iterable[dict[str, Any]]:
    return ((workflow.get("status") or {}).get("nodes") or {}).values()


def _waits(node: dict[str, Any]) -> bool:
    return (node["type"], node.get("phase")) == ("Suspend", "Running")
