"""Runs survive lost machines and outages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from outside import Outside
from places import Place, statuses

FRESH_FOLDER = (
    "from pathlib import Path\n"
    "assert not Path('half').exists()\n"
    "Path('half').write_text('x')\n"
    "outside('gate', 'half')\n"
    "done = 1"
)
"""A step that fails if an earlier attempt left a file."""


@pytest.mark.shows("a lost machine")
def test_a_step_on_a_lost_machine_runs_again_from_a_fresh_restore(
    place: Place, outside: Outside
) -> None:
    place.notebook(outside.cell, ("step:slow", FRESH_FOLDER), ("pipeline-metrics", "done"))
    run = place.start()
    place.wait_outside(run, lambda: outside.waiting["half"])
    place.lose_machine(run, "slow")
    place.wait_outside(run, lambda: not outside.waiting["half"])
    outside.open("half")
    result = place.end(run)
    assert (result["status"], result["metrics"]) == ("succeeded", {"done": 1})
    assert place.attempts(run, "slow") == ["failed", "succeeded"]


@pytest.mark.shows("a drained machine")
def test_a_terminated_step_leaves_a_sound_store_for_the_next_run(
    place: Place, outside: Outside
) -> None:
    place.notebook(
        outside.cell,
        ("step:load", "open('data', 'w').write('x')"),
        ("step:slow prev:load", FRESH_FOLDER),
    )
    run = place.start()
    place.wait_outside(run, lambda: outside.waiting["half"])
    place.terminate(run, "slow")
    place.wait_outside(run, lambda: not outside.waiting["half"])
    outside.open("half")
    place.end(run)
    verified = place.ithaca("snapshots", "verify", *place.store_options())
    assert verified.returncode == 0, verified
    code, again = place.run()
    assert (code, statuses(again)["load"]) == (0, "reused"), again


@pytest.mark.shows("`limit:memory:`")
def test_a_step_that_exceeds_its_memory_limit_reports_the_limit(place: Place) -> None:
    limit = place.memory_limit("400Mi")
    place.notebook((f"step:greedy {limit}", "x = 1"), ("step:", "held = b'x' * 2**30"))
    code, result = place.run()
    assert (code, statuses(result)) == (1, {"greedy": "failed"})
    error = result["steps"][0]["error"]
    assert (error["message"], error["cell"]) == ("out of memory: limit 400Mi", 2), error


@pytest.mark.shows("the engine restarts")
def test_a_run_continues_when_the_engine_restarts(
    engine_alone: None, place: Place, outside: Outside
) -> None:
    engine = place.engine
    place.notebook(
        outside.cell,
        ("step:slow", "outside('gate', 'slow')\nx = 1"),
        ("step:after prev:slow", "y = x"),
        ("pipeline-metrics", "y"),
    )
    run = place.start()
    place.wait_outside(run, lambda: outside.waiting["slow"])
    engine.restart()
    outside.open("slow")
    result = place.end(run)
    assert (result["status"], result["metrics"]) == ("succeeded", {"y": 1}), result
    assert place.attempts(run, "slow") == ["succeeded"]


@pytest.mark.shows("the engine's API does not answer for a while")
def test_a_waiting_client_survives_an_outage_of_the_api(
    place: Place, outside: Outside, tmp_path: Path
) -> None:
    engine = place.engine
    place.notebook(
        outside.cell,
        ("step:slow", "outside('gate', 'slow')\nx = 1"),
        ("step:after prev:slow", "y = x"),
        ("pipeline-metrics", "y"),
    )
    with engine.gate(tmp_path) as gate, place.watching(**gate.environment) as watcher:
        while not outside.waiting["slow"]:
            assert watcher.poll() is None, watcher.communicate()
        gate.close(15)  # longer than a connection may take
        outside.open("slow")
        result = json.loads(watcher.communicate()[0])
    assert (watcher.returncode, result["status"], result["metrics"]) == (0, "succeeded", {"y": 1})
