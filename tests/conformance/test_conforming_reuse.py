"""Reuse of steps."""

from __future__ import annotations

import pytest

from outside import Outside
from places import Place, statuses


def chain(outside: Outside, last: str) -> tuple[tuple[str, str], ...]:
    """Two steps that count their executions."""
    return (
        outside.cell,
        ("step:load", "outside('count', 'load')\nx = 1\nprint('loaded')"),
        ("step:use prev:load", f"outside('count', 'use')\ny = x + {last}"),
        ("pipeline-metrics", "y"),
    )


@pytest.mark.shows("steps that are known are reused")
def test_a_later_run_starts_only_steps_that_changed_or_all_without_reuse(
    place: Place, outside: Outside
) -> None:
    place.notebook(*chain(outside, "1"))
    _, first = place.run()
    code, second = place.run()
    assert (code, statuses(second)) == (0, {"load": "reused", "use": "reused"})
    assert {each["reused_from"] for each in second["steps"]} == {first["id"]}
    assert second["metrics"] == first["metrics"] == {"y": 2}
    assert "loaded" in place.ithaca("runs", "logs", second["id"]).stdout
    assert (outside.calls("load"), outside.calls("use")) == (1, 1)

    place.notebook(*chain(outside, "2"))
    code, edited = place.run()
    assert (code, statuses(edited)) == (0, {"load": "reused", "use": "succeeded"})
    assert edited["metrics"] == {"y": 3}
    assert (outside.calls("load"), outside.calls("use")) == (1, 2)

    code, fresh = place.run("--no-reuse")
    assert (code, set(statuses(fresh).values())) == (0, {"succeeded"})
    assert (outside.calls("load"), outside.calls("use")) == (2, 3)
