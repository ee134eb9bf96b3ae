"""Whole studies on this machine: shared steps, failures, goals, drivers that die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ithaca
from ithaca.errors import RunFailed, UsageError
from ithaca.runs.handle import open_run
from ithaca.runs.project import find_project
from notebooks import Cell, write_notebook

pytestmark = pytest.mark.slow

PARAMETERS = ("pipeline-parameters", "x = 1.0\nrows = 10")
LOAD = ("step:load cache:off", "base = float(rows)")
FIT = ("step:fit prev:load", "loss = (x - 2) ** 2 + base")
METRICS = ("pipeline-metrics", "print(loss)")
SPACE = {"x": ithaca.Float(0, 4)}
RANDOM = {"algorithm": "random", "settings": {"seed": 3}}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the current folder."""
    monkeypatch.delenv("ITHACA_HOME", raising=False)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def notebook(*cells: Cell) -> Path:
    """Write the notebook of the current folder."""
    return write_notebook(Path("nb.ipynb"), *(cells or (PARAMETERS, LOAD, FIT, METRICS)))


def tune(path: Path, **options: object) -> ithaca.Study:
    """A study of two random trials, unless the options say otherwise."""
    given = {"minimize": "loss", "trials": 2, **RANDOM, **options}
    return ithaca.tune(path, given.pop("parameters", SPACE), **given)  # type: ignore[arg-type]


def test_trials_share_the_steps_that_no_searched_parameter_reaches(project: Path) -> None:
    study = tune(notebook(), trials=3, parallel=2, parameters={**SPACE, "rows": 5})
    assert study.status == "finished"
    assert [trial.state for trial in study.trials] == ["complete"] * 3
    for trial in study.trials:
        assert trial.end is not None
        assert trial.end.values == ((trial.parameters["x"] - 2) ** 2 + 5,)
        run = study.run(trial.number)
        assert [step.status for step in run.steps] == ["reused", "succeeded"]
        assert run.document.trial is not None
        assert (run.document.trial.study, run.document.trial.number) == ("nb", trial.number)
    assert study.best is not None
    assert study.best.number == min(study.trials, key=lambda each: each.end.values).number  # type: ignore[union-attr]
    assert study.describe()["executions"] == {"asked": 6, "ran": 4}


def test_a_sampler_of_python_gives_the_same_values_as_plain_optuna(project: Path) -> None:
    import optuna

    seeded = optuna.samplers.RandomSampler(seed=3)
    study = tune(notebook(), trials=3, algorithm=seeded, settings=None)
    with pytest.raises(UsageError) as error:  # its record does not hold the sampler
        study.resume(trials=4)
    assert (error.value.code, "RandomSampler" in error.value.message) == ("ITH712", True)
    plain = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=3))
    plain.optimize(lambda trial: (trial.suggest_float("x", 0, 4) - 2) ** 2 + 10, n_trials=3)
    assert [trial.end.values[0] for trial in study.trials if trial.end] == [
        trial.value for trial in plain.trials
    ]


def test_a_failed_trial_has_its_reason_and_is_started_again_within_its_retries(
    project: Path,
) -> None:
    fails = ("step:fit", "loss = 1 / 0 if x < 9 else x")
    study = tune(notebook(PARAMETERS, fails, METRICS), trials=1, retries=1)
    [trial] = study.trials
    assert (trial.state, trial.attempt) == ("failed", 2)
    assert trial.end is not None
    assert "step fit failed: ZeroDivisionError" in trial.end.reason
    assert study.best is None


def test_a_retried_run_of_a_trial_is_an_ordinary_run(project: Path) -> None:
    study = tune(notebook(PARAMETERS, ("step:fit", "loss = x / 0"), METRICS), trials=1)
    trial = study.run(0)
    assert (trial.document.trial is None, bool(trial.document.template)) == (False, True)
    again = trial.retry().wait()
    assert (again.document.trial, again.document.template) == (None, "")


def test_a_metric_that_is_no_number_fails_its_trial(project: Path) -> None:
    cells = (PARAMETERS, ("step:fit", "loss = float('nan') * x"), METRICS)
    [trial] = tune(notebook(*cells), trials=1).trials
    assert trial.end is not None
    assert (trial.state, trial.end.reason) == ("failed", "the metric loss is nan")


def test_more_failures_than_allowed_end_the_study(project: Path) -> None:
    cells = (PARAMETERS, ("step:fit", "loss = x\n1 / 0"), METRICS)
    study = tune(notebook(*cells), trials=9, max_failures=1)
    assert (study.status, len(study.trials)) == ("failed", 2)


def test_a_goal_ends_the_study(project: Path) -> None:
    study = tune(notebook(), minimize=None, objectives=["minimize:loss:100"], trials=9)
    assert (study.status, len(study.trials)) == ("finished", 1)


def test_a_second_call_adds_the_trials_that_are_missing(project: Path) -> None:
    path = notebook()
    tune(path)
    study = tune(path, trials=3)
    assert [trial.number for trial in study.trials] == [0, 1, 2]
    assert len({trial.parameters["x"] for trial in study.trials}) == 3


def test_a_study_with_another_space_is_refused_with_the_difference(project: Path) -> None:
    path = notebook()
    tune(path, trials=1)
    with pytest.raises(UsageError) as error:
        tune(path, parameters={"x": ithaca.Float(0, 5)})
    assert error.value.code == "ITH707"
    assert "x=float(0.0,4.0) there, x=float(0.0,5.0) here" in error.value.message


def test_a_shared_step_that_fails_ends_the_study_before_any_trial(project: Path) -> None:
    cells = (PARAMETERS, ("step:load", "base = rows / 0"), FIT, METRICS)
    with pytest.raises(RunFailed) as error:
        tune(notebook(*cells))
    assert "ZeroDivisionError" in error.value.message


REPORTING = (
    "step:fit",
    "import ithaca, time\n"
    "for epoch in range(3):\n"
    "    ithaca.report(x + epoch, epoch)\n"
    "if x > 1:\n"
    "    time.sleep(250)  # until the pruner ends it\n"
    "loss = x",
)
"""A step that never ends by itself if its first values are bad."""


def test_a_trial_whose_reports_are_bad_is_pruned_and_its_run_cancelled(project: Path) -> None:
    study = tune(
        notebook(PARAMETERS, REPORTING, METRICS),
        parameters={"x": ithaca.Choice([0.0, 9.0])},
        algorithm="grid",
        pruner="threshold",
        pruner_settings={"upper": 5.0},
    )
    trials = {trial.parameters["x"]: trial for trial in study.trials}
    bad, good = trials[9.0], trials[0.0]
    assert (bad.state, good.state) == ("pruned", "complete")
    assert bad.end is not None
    assert good.end is not None
    assert bad.end.reason == "pruned at step 2, with 11"
    assert good.end.reports.numbers() == {0: 0.0, 1: 1.0, 2: 2.0}
    assert study.run(bad.number).status == "cancelled"
    assert study.describe()["trials"]["pruned"] == 1
    assert study.status == "finished"


def test_a_report_outside_a_trial_does_nothing(project: Path) -> None:
    quick = ("step:fit", "import ithaca\nithaca.report(x, 0)\nloss = x")
    run = ithaca.run(notebook(PARAMETERS, quick, METRICS), wait=True)
    assert run.status == "succeeded"
    assert run.reports() == {}


DRIVER = """
import sys, ithaca
ithaca.tune("nb.ipynb", {"x": ithaca.Float(0, 4)}, minimize="loss", trials=3, parallel=2,
            algorithm="random", settings={"seed": 3})
"""
SLOW = ("step:fit prev:load", "import time\ntime.sleep(2)\nloss = (x - 2) ** 2 + base")


def start_driver(project: Path) -> subprocess.Popen[bytes]:
    """A driver as a process of its own, once its first two trials run."""
    process = subprocess.Popen([sys.executable, "-c", DRIVER], cwd=project)
    store = project / ".ithaca" / "store"
    while len(list(store.glob("**/trials/*/1/start*"))) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    return process


def test_a_killed_driver_loses_no_trial_and_none_runs_twice(project: Path) -> None:
    path = notebook(PARAMETERS, LOAD, SLOW, METRICS)
    process = start_driver(project)
    process.kill()
    process.wait()
    before = ithaca.open_study("nb")
    assert before.status == "interrupted"
    runs = [trial.run for trial in before.trials]
    study = tune(path, trials=3, parallel=2)
    assert [trial.state for trial in study.trials] == ["complete"] * 3
    assert [trial.attempt for trial in study.trials] == [1, 1, 1]
    assert [trial.run for trial in study.trials][:2] == runs
    project_runs = find_project(project)
    for trial in study.trials:
        assert [step.attempt for step in open_run(project_runs, trial.run).steps][-1] == 1


def test_a_second_driver_of_the_same_study_is_refused(project: Path) -> None:
    path = notebook(PARAMETERS, LOAD, SLOW, METRICS)
    process = start_driver(project)
    try:
        with pytest.raises(UsageError) as error:
            tune(path, trials=3)
        assert error.value.code == "ITH706"
        assert str(process.pid) in error.value.message
        ithaca.open_study("nb").stop()
        process.wait()
    finally:
        process.kill()
    assert ithaca.open_study("nb").status == "stopped"


def test_an_interrupted_study_is_resumed_from_its_record(project: Path) -> None:
    notebook(PARAMETERS, LOAD, SLOW, METRICS)
    command = [
        *(sys.executable, "-m", "ithaca", "tune", "nb.ipynb", "--param", "x=float(0,4)"),
        *("--objective", "minimize:loss", "--trials", "2", "--algorithm", "random", "--json"),
    ]
    process = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE)
    store = project / ".ithaca" / "store"
    while not list(store.glob("**/trials/*/1/start*")):
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    assert ithaca.open_study("nb").status == "interrupted"
    (project / "below").mkdir()
    command = [sys.executable, "-m", "ithaca", "studies", "resume", "nb", "--json"]
    done = subprocess.run(command, cwd="below", capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert (found["study"], found["status"]) == ("nb", "finished")
    assert found["trials"]["complete"] == 2
    assert found["best"]["run"] in done.stdout
