"""Optuna behind the study: algorithms, storage, results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from study_workflows import request

from ithaca.errors import BackendError, UsageError
from ithaca.model.run import Reports
from ithaca.model.study import StudyDocument, TrialEnd, TrialState
from ithaca.tuning.algorithms import PRUNERS, SAMPLERS, check_algorithm
from ithaca.tuning.record import TrialRecord
from ithaca.tuning.request import Request
from ithaca.tuning.sampler import Sampler

SPACE = {"lr": "float(0,1,step=0.5)", "depth": "int(1,2)", "kind": "choice(a,b)"}


def wanted(**tune_options: Any) -> Request:
    """A request for a small grid."""
    return request(**{"parameters": SPACE, "objective": "minimize:loss", **tune_options})


def sampler(found: Request, folder: Path, **fields: Any) -> Sampler:
    """A sampler that keeps its journal in a folder."""
    document = StudyDocument(
        name=found.study, created=0.0, notebook="digits.ipynb", space=found.space,
        objectives=found.objectives, constraints=found.constraints, storage=found.storage,
        **fields,
    )  # fmt: skip
    return Sampler(document, found, folder / "optuna.log")


def end(number: int, *values: float, state: TrialState = "complete", **fields: Any) -> TrialEnd:
    """The result of a trial."""
    return TrialEnd(number=number, state=state, run="r", values=values, ended=1.0, **fields)


@pytest.mark.parametrize("name", sorted({*SAMPLERS} - {"gp"}))
def test_each_algorithm_proposes_values_of_the_space(name: str, tmp_path: Path) -> None:
    found = sampler(wanted(algorithm=name), tmp_path)
    for number in range(4):
        proposal = found.ask()
        assert proposal is not None
        assert proposal.number == number
        assert proposal.parameters["lr"] in (0.0, 0.5, 1.0)
        assert proposal.parameters["depth"] in (1, 2)
        assert proposal.parameters["kind"] in ("a", "b")
        found.tell(end(number, float(number)))


def test_a_grid_ends_after_its_combinations(tmp_path: Path) -> None:
    found = sampler(wanted(algorithm="grid"), tmp_path)
    seen = []
    while (proposal := found.ask()) is not None:
        seen.append(tuple(proposal.parameters.values()))
        found.tell(end(proposal.number, 0.0))
    assert len(seen) == len({*seen}) == 12


def test_a_grid_proposes_no_combination_twice_while_trials_run(tmp_path: Path) -> None:
    found = sampler(wanted(algorithm="grid"), tmp_path)
    proposals = [found.ask() for _ in range(12)]
    seen = {tuple(each.parameters.values()) for each in proposals if each is not None}
    assert (len(seen), found.ask()) == (12, None)


def test_a_seeded_grid_goes_on_where_it_was(tmp_path: Path) -> None:
    seen = set()
    for _ in range(3):
        found = sampler(wanted(algorithm="grid", settings={"seed": 1}), tmp_path)
        for _ in range(4):
            proposal = found.ask()
            assert proposal is not None
            seen.add(tuple(proposal.parameters.values()))
            found.tell(end(proposal.number, 0.0))
    assert len(seen) == 12


RECORDED = [
    TrialRecord(
        number=number,
        state=state,
        attempt=1,
        run="r",
        parameters={"lr": 0.5, "depth": 2, "kind": "b"},
        started=1.0,
        end=None
        if state == "running"
        else TrialEnd(number=number, state=state, run="r", values=(0.25,), ended=2.0),
    )
    for number, state in ((0, "complete"), (2, "running"), (3, "failed"))
]


def test_an_empty_storage_is_filled_from_the_record(tmp_path: Path) -> None:
    found = sampler(wanted(), tmp_path)
    found.restore(RECORDED)
    assert [each.number for each in found.open()] == [2]
    proposal = found.ask()
    assert proposal is not None
    assert proposal.number == 4
    sampler(wanted(), tmp_path).restore(RECORDED)  # now they agree


def test_a_storage_with_other_trials_is_refused(tmp_path: Path) -> None:
    found = sampler(wanted(algorithm="random", settings={"seed": 1}), tmp_path)
    for _ in range(4):
        found.ask()
    with pytest.raises(UsageError) as error:
        found.restore(RECORDED)
    assert error.value.code == "ITH711"


def test_the_password_of_a_database_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(BackendError) as error:
        sampler(wanted(storage="postgresql://me:secret@localhost:1/db"), tmp_path)
    assert "secret" not in str(error.value)
    assert "me:***@localhost" in error.value.where


def test_another_process_sees_the_trials_that_have_no_result(tmp_path: Path) -> None:
    first = sampler(wanted(), tmp_path)
    proposals = [first.ask() for _ in range(3)]
    first.tell(end(1, 0.5))
    again = sampler(wanted(), tmp_path)
    assert again.open() == [proposals[0], proposals[2]]
    again.tell(end(0, state="failed"))
    again.tell(end(0, 1.0))  # a second result is ignored
    assert [each.number for each in again.open()] == [2]


def test_a_seeded_sampler_does_not_propose_the_same_again(tmp_path: Path) -> None:
    space = {"lr": "float(0,1)"}
    found = [
        sampler(wanted(parameters=space, algorithm="random", settings={"seed": 1}), tmp_path).ask()
        for _ in range(3)
    ]
    assert len({each.parameters["lr"] for each in found if each}) == 3


def test_a_trial_that_breaks_a_constraint_is_told_as_infeasible(tmp_path: Path) -> None:
    import optuna

    found = sampler(wanted(constraints=["size<=1"]), tmp_path)
    found.ask()
    found.tell(end(0, 0.5, metrics={"size": 3.0}))
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "optuna.log"))
    )
    [trial] = optuna.load_study(study_name="digits", storage=storage).trials
    assert trial.constraints == {"size<=1.0": 2.0}


@pytest.mark.parametrize(
    ("tune_options", "words"),
    [
        ({"algorithm": "tpee"}, 'unknown algorithm "tpee"; did you mean "tpe"?'),
        ({"settings": {"sed": 1}}, 'tpe has no setting "sed"; did you mean "seed"?'),
        (
            {"algorithm": "grid", "parameters": {"lr": "float(0,1)"}},
            "grid needs a step for lr",
        ),
        ({"pruner": "medain"}, 'unknown pruner "medain"; did you mean "median"?'),
        (
            {"pruner": "median", "pruner_settings": {"percentile": 3}},
            'median has no setting "percentile"',
        ),
        ({"pruner_settings": {"n_warmup_steps": 3}}, "settings of a pruner, but no pruner"),
        (
            {"pruner": "median", "objective": ["minimize:loss", "minimize:size"]},
            "a pruner needs a single objective",
        ),
        ({"algorithm": "grid", "trials": 5}, "12 combinations, more than the 5 trials"),
        (
            {"algorithm": "cmaes", "objective": ["minimize:loss", "minimize:size"]},
            "cmaes has one objective",
        ),
    ],
)
def test_what_an_algorithm_cannot_do_is_named(tune_options: dict[str, Any], words: str) -> None:
    [problem] = check_algorithm(wanted(**tune_options))
    assert words in problem


def test_a_setting_of_the_wrong_type_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        sampler(wanted(settings={"seed": "one"}), tmp_path)
    assert error.value.code == "ITH705"


def test_a_database_that_is_away_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BackendError) as error:
        sampler(wanted(storage=f"sqlite:///{tmp_path}/no/such/folder/study.db"), tmp_path)
    assert error.value.code == "ITH710"
    assert "unable to open database file" in error.value.message


SETTINGS: dict[str, dict[str, Any]] = {
    "percentile": {"percentile": 25.0},
    "threshold": {"upper": 1.0},
    "patient": {"patience": 1},
}
"""The settings that a pruner cannot do without."""


@pytest.mark.parametrize("name", sorted(PRUNERS))
def test_each_pruner_ends_no_trial_that_improves(name: str, tmp_path: Path) -> None:
    found = sampler(wanted(pruner=name, pruner_settings=SETTINGS.get(name)), tmp_path)
    found.ask()
    assert [found.report(0, {step: 0.5 - step / 10}) for step in range(4)] == [False] * 4
    found.tell(end(0, 0.1))


def test_the_median_pruner_ends_a_trial_that_is_worse_than_earlier_ones(tmp_path: Path) -> None:
    few = {"n_startup_trials": 1, "n_warmup_steps": 1}
    found = sampler(wanted(pruner="median", pruner_settings=few), tmp_path)
    found.ask()
    assert not found.report(0, {0: 0.5, 1: 0.4})
    found.tell(end(0, 0.4))
    found.ask()
    assert not found.report(1, {0: 9.0})
    assert found.report(1, {0: 9.0, 1: 8.0})
    found.tell(end(1, state="pruned"))
    again = sampler(wanted(pruner="median", pruner_settings=few), tmp_path)
    assert again.open() == []


def test_without_a_pruner_reports_are_kept_and_no_trial_ends(tmp_path: Path) -> None:
    import optuna

    found = sampler(wanted(), tmp_path)
    found.ask()
    assert not found.report(0, {0: 5.0, 3: float("nan")})
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "optuna.log"))
    )
    [trial] = optuna.load_study(study_name="digits", storage=storage).trials
    assert sorted(trial.intermediate_values) == [0, 3]


def test_an_empty_storage_is_filled_with_constraints_and_reports(tmp_path: Path) -> None:
    import optuna

    recorded = [
        TrialRecord(
            number=number, state=state, attempt=1, run="r", started=0.0,
            parameters={"lr": 0.5, "depth": 1, "kind": "a"},
            end=end(
                number, *values, state=state, metrics={"size": 3.0},
                reports=Reports.of({0: 0.9, 1: 0.7}),
            ),
        )
        for number, (state, values) in enumerate([("complete", (0.5,)), ("pruned", ())])
    ]  # fmt: skip
    sampler(wanted(constraints=["size<=1"]), tmp_path).restore(recorded)
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(tmp_path / "optuna.log"))
    )
    complete, pruned = optuna.load_study(study_name="digits", storage=storage).trials
    assert complete.constraints == {"size<=1.0": 2.0}
    assert (pruned.state.name, pruned.value) == ("PRUNED", 0.7)
    assert complete.intermediate_values == pruned.intermediate_values == {0: 0.9, 1: 0.7}
