"""Whole runs on real controllers, as a user starts and finds them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
import yaml

from cluster_places import NAMESPACE, ArgoPlace, ClusterPlace, TektonPlace, connect
from outside import Outside
from places import GOING_ON, Told, statuses

pytestmark = pytest.mark.cluster

TESTS = Path(__file__).parents[1]
EXAMPLES = TESTS.parent / "examples"
GOLDEN = [
    pytest.param(kind, path, id=f"{kind.backend}-{path.stem}")
    for kind in (ArgoPlace, TektonPlace)
    for path in sorted((TESTS / "backends" / "__snapshots__").rglob("*.yaml"))
    if f"[{kind.backend}" in path.stem
]


def test_the_digits_example_runs_and_its_second_run_starts_no_pod(place: ClusterPlace) -> None:
    shutil.copytree(EXAMPLES / "digits", place.folder, dirs_exist_ok=True)
    code, told = place.run(notebook="digits.ipynb")
    assert (code, told["status"]) == (0, "succeeded"), told
    assert told["metrics"]["accuracy"] > 0.9
    code, again = place.run(notebook="digits.ipynb")
    assert (code, set(statuses(again).values())) == (0, {"reused"})
    assert again["metrics"] == told["metrics"]
    assert connect().list(place.kind, labels={"ithaca/run": again["id"]})[0] == []


def test_a_pod_that_is_asked_to_end_is_followed_by_another(
    place: ClusterPlace, outside: Outside
) -> None:
    place.notebook(outside.cell, ("step:slow", "outside('gate', 'slow')"))
    run = place.start()
    place.wait_outside(run, lambda: outside.waiting["slow"])
    place.ask_to_end(run, "slow")
    place.wait_outside(run, lambda: not outside.waiting["slow"])
    outside.open("slow")
    assert place.end(run)["status"] == "succeeded"
    assert place.attempts(run, "slow") == ["failed", "succeeded"]


def test_a_run_that_nobody_submitted_through_us_is_recorded(place: ClusterPlace) -> None:
    place.notebook(
        ("pipeline-parameters", "n = 1"),
        ("step:load", "rows = [n] * 3"),
        ("step:total prev:load", "total = sum(rows)"),
        ("pipeline-metrics", "print(total)"),
    )
    own = f"{place.folder.name}.ipynb"  # what is applied is called after the notebook
    (place.folder / "nb.ipynb").rename(place.folder / own)
    said = place.ithaca("compile", own, "--backend", place.backend, "--push", "-o", "all.yaml")
    assert said.returncode == 0, said.stderr
    place.submit(list(yaml.safe_load_all((place.folder / "all.yaml").read_text())), {"n": "5"})
    while (told := latest(place)) is None or told["status"] in GOING_ON:
        time.sleep(place.poll)
    assert (told["status"], told["metrics"]) == ("succeeded", {"total": 15}), told
    assert told["parameters"] == {"n": 5}


@pytest.mark.parametrize(("kind", "golden"), GOLDEN)
def test_the_api_server_takes_the_golden_manifests(kind: type[ClusterPlace], golden: Path) -> None:
    if reason := kind.absent():
        pytest.skip(reason)
    for manifest in yaml.safe_load_all(golden.read_text()):
        manifest["metadata"]["namespace"] = NAMESPACE
        assert connect().create(manifest, dry_run=True)["kind"] == manifest["kind"]


def latest(place: ClusterPlace) -> Told | None:
    """The newest run, once there is one."""
    if place.ithaca("runs", "show", "latest").returncode != 0:
        return None
    return place.show("latest")
