"""Approvals, cancellations and retries."""

from __future__ import annotations

import json

import pytest

from outside import Outside
from places import Place, statuses


@pytest.mark.shows("`approval:`")
@pytest.mark.parametrize(("answer", "status"), [("approve", "succeeded"), ("reject", "failed")])
def test_a_person_is_asked_and_the_answer_counts(
    place: Place, outside: Outside, answer: str, status: str
) -> None:
    place.notebook(
        outside.cell,
        ("step:ask approval:Really?", "outside('count', 'asked')"),
        ("step:after prev:ask", "x = 1"),
    )
    run = place.start()
    result = place.wait(run, lambda result: statuses(result)["ask"] == "waiting")
    assert result["steps"][0]["question"] == "Really?"
    done = place.ithaca("runs", answer, f"{run}/ask", "--comment", "because")
    assert done.returncode == 0, done.stderr
    result = place.end(run)
    after = "succeeded" if status == "succeeded" else "skipped"
    assert (result["status"], statuses(result)) == (status, {"ask": status, "after": after})
    answered = result["steps"][0]["answer"]
    assert (answered["comment"], bool(answered["by"])) == ("because", True)
    assert outside.calls("asked") == (status == "succeeded")
    if status == "succeeded":  # a step that is reused asks no question
        code, result = place.run()
        assert (code, set(statuses(result).values())) == (0, {"reused"})


@pytest.mark.shows("`runs cancel`")
def test_a_cancelled_run_ends_its_steps(place: Place, outside: Outside) -> None:
    place.notebook(
        outside.cell,
        ("step:long", "outside('gate', 'never')"),
        ("step:after prev:long", "x = 1"),
    )
    with place.watching() as watcher:
        while not outside.waiting["never"]:
            assert watcher.poll() is None, watcher.communicate()
        assert place.ithaca("runs", "cancel", "latest").returncode == 0
        result = json.loads(watcher.communicate()[0])
    assert (watcher.returncode, result["status"]) == (130, "cancelled")
    outside.wait_until_gone("never")


@pytest.mark.shows("`runs retry`")
def test_a_retry_reuses_the_steps_that_succeeded(place: Place, outside: Outside) -> None:
    place.notebook(
        outside.cell,
        ("step:load", "x = 1"),
        ("step:flaky prev:load", "y = x\nassert outside('count', 'flaky') > 1"),
        ("step:after prev:flaky", "print(y)"),
    )
    code, first = place.run()
    assert (code, statuses(first)["flaky"]) == (1, "failed"), first
    again = place.json("runs", "retry", first["id"])
    assert statuses(again) == {"load": "reused", "flaky": "succeeded", "after": "succeeded"}
    assert place.show(again["id"])["retry_of"] == first["id"]
