"""Whole runs on real controllers, from the command line."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
import yaml

from cluster_places import NAMESPACE, ArgoPlace, ClusterPlace, TektonPlace, connect
from outside import Outside
from places import ACTIVE, Json, statuses

pytestmark = pytest.mark.cluster

TESTS = Path(__file__).parents[1]
EXAMPLES = TESTS.parent / "examples"
GOLDEN = [
    pytest.param(kind, path, id=f"{kind.backend}-{path.stem}")
    for kind in (ArgoPlace, TektonPlace)
    for path in sorted((TESTS / "backends" / "__snapshots__").rglob("*.yaml"))
    if f"[{kind.backend}" in path.stem
]


def test_the_digits_example_runs_and_its_second_run_starts_no_pods(place: ClusterPlace) -> None:
    shutil.copytree(EXAMPLES / "digits", place.folder, dirs_exist_ok=True)
    code, result = place.run(notebook="digits.ipynb")
    assert (code, result["status"]) == (0, "succeeded"), result
    assert result["metrics"]["accuracy"] > 0.9
    code, again = place.run(notebook="digits.ipynb")
    assert (code, set(statuses(again).values())) == (0, {"reused"})
    assert again["metrics"] == result["metrics"]
    assert connect().list(place.kind, labels={"ithaca/run": again["id"]})[0] == []


def test_a_terminated_pod_is_replaced(place: ClusterPlace, outside: Outside) -> None:
    place.notebook(outside.cell, ("step:slow", "outside('gate', 'slow')"))
    run = place.start()
    place.wait_outside(run, lambda: outside.waiting["slow"])
    place.terminate(run, "slow")
    place.wait_outside(run, lambda: not outside.waiting["slow"])
    outside.open("slow")
    assert place.end(run)["status"] == "succeeded"
    assert place.attempts(run, "slow") == ["failed", "succeeded"]


def test_a_run_started_without_ithaca_is_recorded(place: ClusterPlace) -> None:
    place.notebook(
        ("pipeline-parameters", "n = 1"),
        ("step:load", "rows = [n] * 3"),
        ("step:total prev:load", "total = sum(rows)"),
        ("pipeline-metrics", "print(total)"),
    )
    own = f"{place.folder.name}.ipynb"  # the objects are named after the notebook
    (place.folder / "nb.ipynb").rename(place.folder / own)
    compiled = place.ithaca("compile", own, "--backend", place.backend, "--push", "-o", "all.yaml")
    assert compiled.returncode == 0, compiled.stderr
    place.submit(list(yaml.safe_load_all((place.folder / "all.yaml").read_text())), {"n": "5"})
    while (result := latest(place)) is None or result["status"] in ACTIVE:
        time.sleep(place.poll)
    assert (result["status"], result["metrics"]) == ("succeeded", {"total": 15}), result
    assert result["parameters"] == {"n": 5}


@pytest.mark.parametrize(("kind", "golden"), GOLDEN)
def test_the_api_server_accepts_the_golden_manifests(
    kind: type[ClusterPlace], golden: Path
) -> None:
    if reason := kind.unavailable():
        pytest.skip(reason)
    for manifest in yaml.safe_load_all(golden.read_text()):
        manifest["metadata"]["namespace"] = NAMESPACE
        assert connect().create(manifest, dry_run=True)["kind"] == manifest["kind"]


def latest(place: ClusterPlace) -> Json | None:
    """The newest run, if there is one."""
    if place.ithaca("runs", "show", "latest").returncode != 0:
        return None
    return place.show("latest")
