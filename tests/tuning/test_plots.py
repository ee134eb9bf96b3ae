"""Pictures and tables of studies."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from ithaca.errors import NotFound
from ithaca.model.run import Reports
from ithaca.model.study import Choice, Float, Objective, StudyDocument, TrialEnd, TrialStart
from ithaca.runs.project import find_project
from ithaca.store import LocalStore
from ithaca.tuning.plots import KINDS
from ithaca.tuning.record import StudyRecord
from ithaca.tuning.study import Study

SPACE = {"lr": Float(0, 1), "kind": Choice(("a", "<b>"))}
OBJECTIVES = (
    Objective(metric="loss", direction="minimize"),
    Objective(metric="size", direction="minimize"),
)


def study(folder: Path, *, objectives: int = 1, trials: int = 4) -> Study:
    """A study with some trials, of which the last one failed."""
    record = StudyRecord(LocalStore.open(folder / "store", create=True), "digits")
    record.create(
        StudyDocument(
            name="digits",
            created=1.0,
            notebook="n",
            space=SPACE,
            objectives=OBJECTIVES[:objectives],
        )
    )
    for number in range(trials + 1):
        parameters = {"lr": number / 10, "kind": "<b>" if number % 2 else "a"}
        record.start_trial(
            TrialStart(number=number, attempt=1, run="r", parameters=parameters, started=1.0)
        )
        failed = number == trials
        values = {"loss": 1.0 - number / 9, "size": math.sqrt(number)}
        record.end_trial(
            TrialEnd(
                number=number,
                state="failed" if failed else "complete",
                run="r",
                values=() if failed else tuple(values.values())[:objectives],
                metrics={} if failed else values,
                ended=2.0,
                reports=Reports.of({0: 1.0, 1: number / 10}),
            )
        )
    return Study(find_project(folder), record)


@pytest.mark.parametrize("objectives", [1, 2])
def test_the_page_has_every_picture_and_loads_nothing(tmp_path: Path, objectives: int) -> None:
    page = study(tmp_path, objectives=objectives).plot().decode()
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    shared = ["History", "Parallel coordinates", "Importance of parameters", "Slices", "Contours"]
    for title in shared:
        metrics = ["loss", "size"] if objectives == 2 else [""]
        assert [f"{title} of {each}" if each else title for each in metrics] == [
            each for each in titles if each.startswith(title)
        ]
    assert ("Pareto front" in titles) == (objectives == 2)
    assert titles[-1] == "Reported values"
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", page)


@pytest.mark.parametrize("picture", sorted(set(KINDS) - {"front"}))
def test_each_picture_can_be_written_as_png(tmp_path: Path, picture: str) -> None:
    assert study(tmp_path).plot("png", picture=picture).startswith(b"\x89PNG")


def test_a_picture_without_data_is_an_error_with_a_cure(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as error:
        study(tmp_path).plot("png", picture="front")
    assert error.value.code == "ITH709"
    with pytest.raises(NotFound, match="no trial has a result yet"):
        study(tmp_path / "none", trials=0).plot()


def test_the_table_of_trials_has_a_row_for_each_trial(tmp_path: Path) -> None:
    table = study(tmp_path).dataframe()
    assert list(table.index) == [0, 1, 2, 3, 4]
    assert list(table.columns[-4:]) == ["lr", "kind", "loss", "size"]
    assert table.loc[3, "loss"] == pytest.approx(2 / 3)
    assert table.loc[4, "state"] == "failed"


def test_a_notebook_shows_the_trials_with_everything_escaped(tmp_path: Path) -> None:
    shown = study(tmp_path)._repr_html_()
    assert "3 (best)" in shown
    assert "&lt;b&gt;" in shown
    assert "<b>digits</b>" in shown
    assert "<b>" not in shown.replace("<b>digits</b>", "")
