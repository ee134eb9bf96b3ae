"""Runs survive lost machines and networks."""

from __future__ import annotations

import json

import pytest

from outside import Outside
from places import Place, statuses

ONCE_ALONE = (
    "from pathlib import Path\n"
    "assert not Path('half').exists()\n"
    "Path('half').write_text('x')\n"
    "outside('gate', 'half')\n"
    "done = 1"
)
"""A step that fails where an attempt before it left anything."""


@pytest.mark.shows("a lost machine")
def test_a_step_whose_machine_is_lost_runs_again_from_a_fresh_restore(
    place: Place, outside: Outside
) -> None:
    place.notebook(outside.cell, ("step:slow", ONCE_ALONE), ("pipeline-metrics", "done"))
    run = place.start()
    place.wait_outside(run, lambda: outside.waiting["half"])
    place.lose(run, "slow")
    place.wait_outside(run, lambda: not outside.waiting["half"])
    outside.open("half")
    told = place.end(run)
    assert (told["status"], told["metrics"]) == ("succeeded", {"done": 1})
    assert place.attempts(run, "slow") == ["failed", "succeeded"]


@pytest.mark.shows("a drained machine")
def test_a_step_that_is_asked_to_end_leaves_a_clean_store_to_go_on_from(
    place: Place, outside: Outside
) -> None:
    place.notebook(
        outside.cell,
        ("step:load", "open('data', 'w').write('x')"),
        ("step:slow prev:load", ONCE_ALONE),
    )
    run = place.start()
    place.wait_outside(run, lambda: outside.waiting["half"])
    place.ask_to_end(run, "slow")
    place.wait_outside(run, lambda: not outside.waiting["half"])
    outside.open("half")
    place.end(run)
    verified = place.ithaca("snapshots", "verify", *place.store_words())
    assert verified.returncode == 0, verified
    code, again = place.run()
    assert (code, statuses(again)["load"]) == (0, "reused"), again


@pytest.mark.shows("`limit:memory:`")
def test_a_step_that_takes_more_memory_than_it_may_says_so(place: Place) -> None:
    limit = place.memory_limit("400Mi")
    place.notebook((f"step:greedy {limit}", "x = 1"), ("step:", "held = b'x' * 2**30"))
    code, told = place.run()
    assert (code, statuses(told)) == (1, {"greedy": "failed"})
    error = told["steps"][0]["error"]
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
    told = place.end(run)
    assert (told["status"], told["metrics"]) == ("succeeded", {"y": 1}), told
    assert place.attempts(run, "slow") == ["succeeded"]


@pytest.mark.shows("the engine's API does not answer for a while")
def test_a_waiting_client_survives_when_the_api_does_not_answer_for_a_while(
    cluster_alone: None, place: Place, outside: Outside
) -> None:
    engine = place.engine
    place.notebook(
        outside.cell,
        ("step:slow", "outside('gate', 'slow')\nx = 1"),
        ("step:after prev:slow", "y = x"),
        ("pipeline-metrics", "y"),
    )
    with place.watching() as watcher:
        while not outside.waiting["slow"]:
            assert watcher.poll() is None, watcher.communicate()
        engine.cut_off(30)
        outside.open("slow")
        told = json.loads(watcher.communicate()[0])
    assert (watcher.returncode, told["status"], told["metrics"]) == (0, "succeeded", {"y": 1})
