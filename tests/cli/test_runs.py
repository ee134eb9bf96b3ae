from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

ITHACA = Callable[..., Result]

FAILED, SUCCEEDED = "01JAAAAAAAAAAAAAAAAAAAAAAA", "01JBBBBBBBBBBBBBBBBBBBBBBB"
"""The runs that `recorded` holds."""


def test_without_runs_the_list_is_empty_and_nothing_is_created(
    ithaca: ITHACA, project: Path
) -> None:
    assert ithaca("runs", "list").exit_code == 0
    assert json.loads(ithaca("runs", "list", "--json").stdout) == []
    assert not (project / ".ithaca").exists()


def test_runs_are_listed_newest_first_with_their_metrics(ithaca: ITHACA, recorded: Path) -> None:
    found = json.loads(ithaca("runs", "list", "--json").stdout)
    assert [(each["id"], each["status"]) for each in found] == [
        (SUCCEEDED, "succeeded"),
        (FAILED, "failed"),
    ]
    assert "accuracy=0.5" in ithaca("runs", "list").stdout


def test_show_prints_a_run_as_one_json_object(ithaca: ITHACA, recorded: Path) -> None:
    found = json.loads(ithaca("runs", "show", "latest", "--json").stdout)
    assert found["metrics"] == {"accuracy": 0.5}
    assert found["parameters"] == {"lr": 0.1}
    assert found["url"] == f"ithaca://local/runs/{SUCCEEDED}"
    assert found["steps"][1] == {
        "name": "train",
        "status": "succeeded",
        "reused_from": None,
        "seconds": 1.5,
        "before": None,
        "after": None,
        "question": None,
        "obstacle": None,
        "answer": None,
        "error": None,
    }


def test_a_failed_run_shows_the_cell_and_what_was_skipped(ithaca: ITHACA, recorded: Path) -> None:
    printed = ithaca("runs", "show", "01ja").stdout
    assert "cell 7, line 2: the cell failed" in printed
    assert "skipped" in printed


def test_a_step_is_shown_by_its_uri(ithaca: ITHACA, recorded: Path) -> None:
    printed = ithaca("runs", "show", f"ithaca://local/runs/{FAILED}/load").stdout
    assert "after: aaaa" in printed


def test_the_log_of_a_step_is_printed_as_it_was(ithaca: ITHACA, recorded: Path) -> None:
    assert ithaca("runs", "logs", f"{FAILED}/train").stdout == "Traceback\n"


def test_the_log_of_a_reused_step_is_that_of_the_run_that_made_it(
    ithaca: ITHACA, recorded: Path
) -> None:
    assert ithaca("runs", "logs", "latest/load").stdout == "loaded\n"
    assert ithaca("runs", "logs", "-f", "latest/load").stdout == "loaded\n"


def test_the_logs_of_a_run_are_those_of_its_steps_in_order(ithaca: ITHACA, recorded: Path) -> None:
    expected = "== load\nloaded\n== train\ntrained\n== end\ndone\n"
    assert ithaca("runs", "logs", "latest").stdout == expected
    assert ithaca("runs", "logs", "-f", "latest").stdout == expected
    found = json.loads(ithaca("runs", "logs", "latest", "--json").stdout)
    assert [each["text"] for each in found] == ["loaded\n", "trained\n", "done\n"]


def test_a_step_that_ended_without_a_notebook_says_why(ithaca: ITHACA, recorded: Path) -> None:
    printed = ithaca("runs", "notebook", f"{FAILED}/end").stderr
    assert "step `end` has no executed notebook\n" in printed
    assert "why it began no cell" in printed


def test_following_the_log_of_a_step_that_never_began_ends_with_the_run(
    ithaca: ITHACA, recorded: Path
) -> None:
    assert ithaca("runs", "logs", "-f", f"{FAILED}/end").stdout == ""


def test_the_executed_notebook_is_printed_or_written(ithaca: ITHACA, recorded: Path) -> None:
    assert json.loads(ithaca("runs", "notebook", "latest/train").stdout) == {"cells": [1]}
    assert json.loads(ithaca("runs", "notebook", "latest").stdout) == {"cells": []}
    assert ithaca("runs", "notebook", "latest/train", "-o", "out.ipynb").exit_code == 0
    assert json.loads((recorded / "out.ipynb").read_text()) == {"cells": [1]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "01X"), "there is no run `01X`"),
        (("show", "01J"), "matches 2 runs"),
        (("show", "latest/nothing"), "its steps are: load, train, end"),
        (("logs", "a/b/c"), "is not a reference to a run"),
        (("cancel", "latest"), "the run has ended: succeeded"),
        (("retry", SUCCEEDED), "every step of the run succeeded"),
        (("approve", "latest/train"), "asks nothing"),
        (("approve", "latest"), "the run has ended: succeeded"),
        (("reject", FAILED), "the run has ended: failed"),
        (("notebook", f"{FAILED}/end"), "no executed notebook"),
        (("show",), "error[ITH900]: `ithaca runs show`: missing argument"),
        (("logs", f"{FAILED}/train", "--attempt", "3"), "step `train` has no attempt 3"),
        (("logs", FAILED, "--attempt", "1"), f"write {FAILED}/STEP"),
    ],
)
def test_a_wrong_reference_is_one_message_and_exit_2(
    ithaca: ITHACA, recorded: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = ithaca("runs", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output
