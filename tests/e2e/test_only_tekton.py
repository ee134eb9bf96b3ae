"""Features of Tekton only, on a real controller; `conformance` tests those of all backends."""

from __future__ import annotations

import json
import time

import pytest

from cluster_places import TektonPlace, connect
from ithaca.backends.kubernetes import Kind
from places import POLL, statuses

pytestmark = pytest.mark.cluster

TASK = Kind("tekton.dev", "v1", "Task", "tasks")


def test_a_run_of_hundreds_of_steps_is_a_small_object_and_deletes_its_tasks(
    tekton: TektonPlace,
) -> None:
    first = ("step:s0", "import time\ntime.sleep(600)")
    tekton.notebook(first, *((f"step:s{n} prev:s{n - 1}", "pass") for n in range(1, 250)))
    run = tekton.start()
    tekton.wait(run, lambda result: statuses(result)["s0"] == "running")
    tekton.ithaca("runs", "cancel", run)
    assert tekton.end(run)["status"] == "cancelled"
    name = tekton.run_object(run)
    assert len(json.dumps(connect().get(tekton.kind, name))) < 512 * 1024
    assert len(_tasks(run)) == 2
    connect().delete(tekton.kind, name)
    while _tasks(run):
        time.sleep(POLL)


def _tasks(run: str) -> list[str]:
    found, _ = connect().list(TASK, labels={"ithaca/run": run})
    return [each["metadata"]["name"] for each in found]
