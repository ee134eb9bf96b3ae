"""The documents of a study, and the best of its trials."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ithaca.errors import UsageError
from ithaca.model.study import Constraint, Objective, StudyDocument, TrialEnd, TrialStart
from ithaca.runs.project import find_project
from ithaca.store import LocalStore
from ithaca.tuning.record import StudyRecord, TrialRecord, best_of, find_study
from ithaca.tuning.study import Study

LOSS = Objective(metric="loss", direction="minimize")
SIZE = Objective(metric="size", direction="maximize")


def ended(number: int, *values: float, feasible: bool = True) -> TrialRecord:
    """A trial with a result."""
    end = TrialEnd(
        number=number, state="complete", run="r", values=values, feasible=feasible, ended=2.0
    )
    return TrialRecord(
        number=number, state="complete", attempt=1, run="r", parameters={}, started=1.0, end=end
    )


@pytest.fixture
def record(tmp_path: Path) -> StudyRecord:
    found = StudyRecord(LocalStore.open(tmp_path / "store", create=True), "digits")
    found.create(
        StudyDocument(name="digits", created=7.5, notebook="n", space={}, objectives=(LOSS,))
    )
    return found


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12))
def test_no_trial_is_better_than_one_of_the_front_in_every_objective(
    values: list[tuple[int, int]],
) -> None:
    trials = [ended(number, *pair) for number, pair in enumerate(values)]
    front = {each.number for each in best_of(trials, [LOSS, SIZE])}
    for number, (loss, size) in enumerate(values):
        better = any(a <= loss and b >= size and (a, b) != (loss, size) for a, b in values)
        assert (number in front) == (not better)


def test_an_infeasible_trial_is_never_the_best() -> None:
    trials = [ended(0, 0.1, feasible=False), ended(1, 0.5), ended(2, 0.9)]
    assert [each.number for each in best_of(trials, [LOSS])] == [1]


def test_the_first_start_of_an_attempt_gives_it_the_id_of_its_run(record: StudyRecord) -> None:
    def start(run: str) -> TrialStart:
        return TrialStart(number=0, attempt=1, run=run, parameters={}, started=1.0)

    ids = [record.run_id(number, attempt) for number in range(3) for attempt in (1, 2)]
    assert len({*ids}) == 6
    assert all(len(each) == 26 for each in ids)
    assert record.start_trial(start(ids[0])).run == ids[0]
    assert StudyRecord(record.store, "digits").start_trial(start(ids[1])).run == ids[0]


def test_the_first_result_of_a_trial_stays(record: StudyRecord) -> None:
    record.start_trial(TrialStart(number=0, attempt=1, run="r", parameters={}, started=1.0))
    first = TrialEnd(number=0, state="complete", run="r", values=(0.5,), ended=2.0)
    assert record.end_trial(first) == first
    other = StudyRecord(record.store, "digits")
    assert other.end_trial(TrialEnd(number=0, state="failed", run="r", ended=3.0)) == first


def test_a_study_whose_storage_has_a_password_is_resumed_with_the_whole_url_only(
    tmp_path: Path,
) -> None:
    (tmp_path / ".git").mkdir()
    project = find_project(tmp_path)
    url = "postgresql://me:{}@host/db"
    record = StudyRecord(project.store(create=True), "digits")
    document = StudyDocument(
        name="digits",
        created=7.5,
        notebook="n",
        space={},
        objectives=(LOSS,),
        storage=url.format("***"),
    )
    record.create(document)
    study = Study(project, record)
    with pytest.raises(UsageError) as error:
        study.options(trials=5)
    assert error.value.code == "ITH712"
    found = study.options(trials=5, storage=url.format("secret"))
    assert (found.trials, found.objective) == (5, ["minimize:loss"])


def test_a_metric_that_is_nan_breaks_a_constraint() -> None:
    bound = Constraint(metric="size", relation=">=", bound=1.0)
    assert bound.excess(float("nan")) == float("inf")


def test_an_unknown_study_gets_a_suggestion(record: StudyRecord) -> None:
    with pytest.raises(UsageError) as error:
        find_study(record.store, "digit")
    assert error.value.code == "ITH704"
    assert 'did you mean "digits"?' in error.value.message
