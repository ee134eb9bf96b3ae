"""Steps fail, are retried and time out."""

from __future__ import annotations

import pytest

from outside import Outside
from places import Place, statuses


@pytest.mark.shows("a failure with cell and line")
def test_a_failing_cell_is_named_and_only_what_needs_it_is_skipped(place: Place) -> None:
    place.notebook(
        ("step:load", "x = 1"),
        ("step:bad prev:load", "y = x\nz = y / 0"),
        ("step:after prev:bad", "print(z)"),
        ("step:apart prev:load", "w = x"),
        ("step:later prev:apart", "print(w)"),
    )
    code, told = place.run()
    assert (code, told["status"]) == (1, "failed")
    assert statuses(told) == {
        "load": "succeeded",
        "bad": "failed",
        "after": "skipped",
        "apart": "succeeded",
        "later": "succeeded",
    }
    error = next(each for each in told["steps"] if each["name"] == "bad")["error"]
    assert (error["name"], error["cell"], error["line"]) == ("ZeroDivisionError", 2, 2), error
    for view in ("logs", "notebook"):
        assert "ZeroDivisionError" in place.ithaca("runs", view, f"{told['id']}/bad").stdout


@pytest.mark.shows("`retry:`")
def test_a_step_is_tried_as_often_as_its_tag_says_and_no_more(
    place: Place, outside: Outside
) -> None:
    place.notebook(outside.cell, ("step:bad retry:1", "outside('count', 'bad') / 0"))
    code, told = place.run()
    assert (code, told["status"]) == (1, "failed")
    assert place.attempts(told["id"], "bad") == ["failed", "failed"]
    assert outside.counted("bad") == 2


@pytest.mark.shows("`retry:`")
def test_another_attempt_starts_from_a_fresh_restore_and_may_succeed(
    place: Place, outside: Outside
) -> None:
    code = (
        "from pathlib import Path\n"
        "assert not Path('half').exists()\n"
        "Path('half').write_text('x')\n"
        "number = outside('count', 'flaky')\n"
        "assert number > 1"
    )
    place.notebook(outside.cell, ("step:flaky retry:2", code), ("pipeline-metrics", "number"))
    code, told = place.run()
    assert (code, told["metrics"]) == (0, {"number": 2}), told
    assert place.attempts(told["id"], "flaky") == ["failed", "succeeded"]


@pytest.mark.shows("`timeout:`")
def test_a_step_that_takes_longer_than_it_may_is_timed_out(place: Place, outside: Outside) -> None:
    place.notebook(
        outside.cell,
        ("step:slow timeout:5s", "outside('gate', 'never')"),
        ("step:after prev:slow", "x = 1"),
    )
    code, told = place.run()
    assert (code, told["status"]) == (1, "failed")
    assert statuses(told) == {"slow": "timed_out", "after": "skipped"}
    assert not outside.waiting["never"]
