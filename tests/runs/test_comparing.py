"""Runs side by side."""

from __future__ import annotations

from typing import Any

import pytest

from ithaca.cli.run_views import print_comparison
from ithaca.records.fold import RunState, StepState
from ithaca.runs.comparing import compare, varied_parameters


def state(number: int, executions: dict[str, str | None], **fields: Any) -> RunState:
    """A run with these executions of its steps."""
    steps = tuple(StepState(name=name, execution=each) for name, each in executions.items())
    return RunState(
        **{"id": f"run{number}", "name": "nb", "status": "succeeded", "created": 0.0, **fields},
        steps=steps,
    )


ONE = state(
    1, {"load": "a" * 64, "fit": "b" * 64},
    parameters={"lr": 0.1, "rows": 5}, metrics={"loss": 0.5},
)  # fmt: skip
OTHER = state(
    2, {"load": "a" * 64, "fit": None},
    status="failed", parameters={"lr": 0.2, "rows": 5},
)  # fmt: skip


def test_only_parameters_and_steps_that_differ_are_left() -> None:
    found = compare([ONE, OTHER]).differing()
    assert found.parameters == {"lr": [0.1, 0.2]}
    assert found.metrics == {"loss": [0.5, None]}
    assert found.steps == {"fit": ["b" * 64, None]}


def test_equal_results_have_equal_letters(capsys: pytest.CaptureFixture[str]) -> None:
    print_comparison(compare([ONE, OTHER, ONE]))
    rows = dict(line.split("  ", 1) for line in capsys.readouterr().out.splitlines()[1:])
    assert rows["step load"].split() == ["A", "A", "A"]
    assert rows["step fit"].split() == ["A", "-", "A"]
    assert rows["parameter rows"].split() == ["5", "5", "5"]


def test_parameters_differ_only_among_runs_of_the_same_workflow() -> None:
    elsewhere = state(3, {}, name="another", parameters={"rows": 9})
    assert varied_parameters([ONE, OTHER, elsewhere]) == {("nb", "lr")}
