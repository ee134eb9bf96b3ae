"""Steps fail, are retried and time out."""

from __future__ import annotations

import pytest

from outside import Outside
from places import Place, statuses


@pytest.mark.shows("a failure with cell and line")
def test_a_failure_names_its_cell_and_skips_only_dependent_steps(place: Place) -> None:
    place.notebook(
        ("step:load", "x = 1"),
        ("step:bad prev:load", "y = x\nz = y / 0"),
        ("step:after prev:bad", "print(z)"),
        ("step:apart prev:load", "print(x)"),
    )
    code, result = place.run()
    assert (code, result["status"]) == (1, "failed")
    assert statuses(result) == {
        "load": "succeeded",
        "bad": "failed",
        "after": "skipped",
        "apart": "succeeded",
    }
    error = next(each for each in result["steps"] if each["name"] == "bad")["error"]
    assert (error["name"], error["cell"], error["line"]) == ("ZeroDivisionError", 2, 2), error
    for view in ("logs", "notebook"):
        assert "ZeroDivisionError" in place.ithaca("runs", view, f"{result['id']}/bad").stdout


@pytest.mark.shows("`retry:`")
def test_a_failing_step_is_retried_as_often_as_its_tag_says(place: Place, outside: Outside) -> None:
    place.notebook(outside.cell, ("step:bad retry:1", "outside('count', 'bad') / 0"))
    code, result = place.run()
    assert (code, result["status"]) == (1, "failed")
    assert place.attempts(result["id"], "bad") == ["failed", "failed"]
    assert outside.calls("bad") == 2


@pytest.mark.shows("`retry:`")
def test_a_retry_starts_from_a_fresh_restore_and_can_succeed(
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
    code, result = place.run()
    assert (code, result["metrics"]) == (0, {"number": 2}), result
    assert place.attempts(result["id"], "flaky") == ["failed", "succeeded"]


@pytest.mark.shows("`timeout:`")
def test_a_step_that_exceeds_its_timeout_is_timed_out(place: Place, outside: Outside) -> None:
    place.notebook(
        outside.cell,
        ("step:slow timeout:5s", "outside('gate', 'never')"),
        ("step:after prev:slow", "x = 1"),
    )
    code, result = place.run()
    assert (code, result["status"]) == (1, "failed")
    assert statuses(result) == {"slow": "timed_out", "after": "skipped"}
    outside.wait_until_gone("never")
