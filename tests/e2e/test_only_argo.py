"""Features of Argo only, on a real controller; `conformance` tests those of all backends."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from typing import Any

import pytest

from cluster_places import ArgoPlace, connect
from ithaca.backends.kubernetes import Conflict
from places import POLL, statuses

pytestmark = pytest.mark.cluster


def test_resuming_in_argo_approves_a_step(argo: ArgoPlace) -> None:
    argo.notebook(("step:ask approval:Really?", "x = 1"))
    run = argo.start()
    argo.wait(run, lambda result: statuses(result)["ask"] == "waiting")
    resume(argo, run)
    result = argo.end(run)
    assert (result["status"], result["steps"][0]["answer"]["answer"]) == ("succeeded", "approved")


def test_a_node_caches_objects_of_the_store(argo: ArgoPlace) -> None:
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
    code, result = argo.run()
    assert (code, result["status"]) == (0, "succeeded"), result
    assert result["metrics"]["kept"] > 0


def resume(place: ArgoPlace, run_id: str) -> None:
    """Resume as Argo's UI and `argo resume` do: waiting nodes succeed with their defaults."""
    name = place.run_object(run_id)
    while True:
        found = connect().get(place.kind, name) or {}
        waiting = [node for node in _nodes(found) if _waits(node)]
        for node in waiting:
            node["phase"] = "Succeeded"
            node["finishedAt"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            for parameter in node["outputs"]["parameters"]:
                parameter["value"] = parameter.pop("valueFrom")["default"]
        with contextlib.suppress(Conflict):
            if waiting:
                connect().replace(place.kind, found)
                return
        time.sleep(POLL)


def _nodes(workflow: dict[str, Any]) -> Iterable[dict[str, Any]]:
    return ((workflow.get("status") or {}).get("nodes") or {}).values()


def _waits(node: dict[str, Any]) -> bool:
    return (node["type"], node.get("phase")) == ("Suspend", "Running")
