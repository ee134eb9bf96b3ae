"""What a study shall do, from the notebook, the settings and the caller."""

from __future__ import annotations

import pytest
from study_workflows import request

from ithaca.errors import UsageError
from ithaca.model.study import Choice, Constraint, Float, Int, Objective
from ithaca.model.workflow import Study
from ithaca.tuning.request import TRIALS, TuneOptions, read_options

KATIB = Study(
    format="katib",
    content={
        "parameters": [
            {
                "name": "lr",
                "parameterType": "double",
                "feasibleSpace": {"min": "0.001", "max": "0.1", "distribution": "logUniform"},
            },
            {
                "name": "depth",
                "parameterType": "int",
                "feasibleSpace": {"min": "2", "max": "8", "step": "2"},
            },
            {
                "name": "kind",
                "parameterType": "categorical",
                "feasibleSpace": {"list": ["svm", "logistic"]},
            },
        ],
        "objective": {"type": "minimize", "goal": 0.01, "objectiveMetricName": "loss"},
        "algorithm": {
            "algorithmName": "random",
            "algorithmSettings": [{"name": "random_state", "value": "7"}],
        },
        "maxTrialCount": 12,
        "maxFailedTrialCount": 3,
        "parallelTrialCount": 2,
    },
)


def refused(**tune_options: object) -> str:
    """The message about a request."""
    with pytest.raises(UsageError) as error:
        request(**tune_options)
    assert error.value.code in ("ITH702", "ITH703")
    return str(error.value)


def test_a_notebook_of_kale_needs_no_further_word() -> None:
    found = request(KATIB)
    assert found.space == {
        "lr": Float(0.001, 0.1, log=True),
        "depth": Int(2, 8, step=2),
        "kind": Choice(["svm", "logistic"]),
    }
    assert found.objectives == (Objective(metric="loss", direction="minimize", goal=0.01),)
    assert (found.algorithm, found.settings) == ("random", {"seed": 7})
    assert (found.trials, found.parallel, found.max_failures) == (12, 2, 3)


def test_katibs_algorithm_without_a_counterpart_is_replaced_with_a_notice() -> None:
    content = {**KATIB.content, "algorithm": {"algorithmName": "hyperband"}}
    found = request(Study(format="katib", content=content))
    assert found.algorithm == "tpe"
    assert any("hyperband" in notice for notice in found.notices)


def test_the_caller_wins_over_the_settings_and_these_over_the_notebook() -> None:
    settings = TuneOptions(trials=30, parallel=4, parameters={"depth": "int(1,4)"})
    found = request(KATIB, settings, parallel=8, parameters={"kind": "svm"})
    assert (found.trials, found.parallel) == (30, 8)
    assert found.space == {"lr": Float(0.001, 0.1, log=True), "depth": Int(1, 4)}
    assert found.fixed == {"kind": "svm"}


def test_a_study_of_ithacas_own_metadata_is_read() -> None:
    content = {"parameters": {"lr": "float(0,1)"}, "objective": "maximize:size"}
    found = request(Study(format="ithaca", content=content))
    assert (found.study, found.trials, found.parallel) == ("digits", TRIALS, 1)
    assert found.objectives[0].direction == "maximize"


def test_several_objectives_and_constraints_are_read() -> None:
    found = request(
        parameters={"lr": "float(0,1)"},
        objective=["minimize:loss", "maximize:size"],
        constraints=["size<=20", "loss >= 0.5"],
    )
    assert [str(each) for each in found.objectives] == ["minimize:loss", "maximize:size"]
    assert found.constraints == (
        Constraint(metric="size", relation="<=", bound=20.0),
        Constraint(metric="loss", relation=">=", bound=0.5),
    )


def test_every_problem_is_named_at_once() -> None:
    message = refused(
        parameters={"lr": "float(1,0)", "deep": "int(1,2)", "depth": "many"},
        objective=["minimize:lose", "best:loss"],
        constraints=["size=3"],
        trials=0,
        study="My study",
    )
    assert "8 problems" in message
    for words in (
        'unknown parameter "deep"',
        "the range is empty",
        'parameter "depth" must be a whole number (got many)',
        'objective "lose" is not a metric',
        "objective 'best:loss': write minimize:METRIC",
        "constraint 'size=3': write METRIC<=BOUND",
        "trials must be at least 1 (got 0)",
        "My study",
    ):
        assert words in message


def test_a_goal_needs_a_single_objective() -> None:
    space = {"lr": "float(0,1)"}
    assert "a goal needs a single objective" in refused(
        parameters=space, objective=["minimize:loss:1", "maximize:size"]
    )


@pytest.mark.parametrize(
    "tune_options",
    [
        {"objective": "minimize:loss:nan"},
        {"objective": "minimize:loss", "constraints": ["size<=nan"]},
        {"objective": "minimize:loss", "timeout": float("nan")},
        {"objective": "minimize:loss", "study": ""},
    ],
)
def test_numbers_and_names_that_mean_nothing_are_refused(tune_options: dict[str, object]) -> None:
    assert refused(parameters={"lr": "float(0,1)"}, **tune_options)


def test_a_damaged_search_of_kale_is_refused_with_its_place() -> None:
    with pytest.raises(UsageError) as error:
        request(Study(format="katib", content={**KATIB.content, "maxTrialCount": "many"}))
    assert (error.value.code, error.value.where) == ("ITH703", "digits.ipynb")


def test_a_study_needs_an_objective_and_a_searched_parameter() -> None:
    message = refused()
    assert "no parameter is searched" in message
    assert "there is no objective" in message


def test_a_parameter_that_no_step_uses_is_noticed() -> None:
    found = request(parameters={"rows": "int(1,9)", "lr": "float(0,1)"}, objective="minimize:loss")
    assert found.notices == ()


@pytest.mark.parametrize(
    ("table", "words"),
    [({"trails": 3}, 'did you mean "trials"?'), ({"trials": "many"}, "Expected `int")],
)
def test_a_wrong_key_of_the_settings_is_named(table: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError) as error:
        read_options(table, "pyproject.toml")
    assert words in error.value.message
    assert error.value.where == "pyproject.toml"
