"""Steps that are known are reused."""

from __future__ import annotations

import pytest

from outside import Outside
from places import Place, statuses


def chain(outside: Outside, last: str) -> tuple[tuple[str, str], ...]:
    """Two steps that count, and print."""
    return (
        outside.cell,
        ("step:load", "outside('count', 'load')\nx = 1\nprint('loaded')"),
        ("step:use prev:load", f"outside('count', 'use')\ny = x + {last}"),
        ("pipeline-metrics", "y"),
    )


@pytest.mark.shows("steps that are known are reused")
def test_a_second_run_starts_nothing_and_shows_what_the_first_one_showed(
    place: Place, outside: Outside
) -> None:
    place.notebook(*chain(outside, "1"))
    _, first = place.run()
    code, second = place.run()
    assert (code, statuses(second)) == (0, {"load": "reused", "use": "reused"})
    assert {each["reused_from"] for each in second["steps"]} == {first["id"]}
    assert second["metrics"] == first["metrics"] == {"y": 2}
    assert "loaded" in place.ithaca("runs", "logs", second["id"]).stdout
    assert (outside.counted("load"), outside.counted("use")) == (1, 1)


@pytest.mark.shows("steps that are known are reused")
def test_after_an_edit_only_the_edited_step_runs(place: Place, outside: Outside) -> None:
    place.notebook(*chain(outside, "1"))
    assert place.run()[0] == 0
    place.notebook(*chain(outside, "2"))
    code, told = place.run()
    assert (code, statuses(told)) == (0, {"load": "reused", "use": "succeeded"})
    assert told["metrics"] == {"y": 3}
    assert (outside.counted("load"), outside.counted("use")) == (1, 2)


@pytest.mark.shows("steps that are known are reused")
def test_without_reuse_every_step_runs(place: Place, outside: Outside) -> None:
    place.notebook(*chain(outside, "1"))
    assert place.run()[0] == 0
    code, told = place.run("--no-reuse")
    assert (code, set(statuses(told).values())) == (0, {"succeeded"})
    assert (outside.counted("load"), outside.counted("use")) == (2, 2)
