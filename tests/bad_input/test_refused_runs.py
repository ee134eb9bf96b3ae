from __future__ import annotations

import json
import venv
from pathlib import Path

import pytest
from user_project import Project

LISTED = "lr (float, 0.1), n (int, 3), flag (bool, True)"

ARGUMENTS = {
    "an unknown parameter": (["-p", "lrr=2"], "ITH320", '"lrr"; did you mean "lr"?', LISTED),
    "an invalid whole number": (
        ["-p", "n=2.5"],
        "ITH321",
        '"n" must be a whole number',
        LISTED,
    ),
    "an invalid number": (["-p", "lr=fast"], "ITH321", '"lr" must be a number', LISTED),
    "an invalid truth value": (["-p", "flag=maybe"], "ITH321", "must be true or false", LISTED),
    "no value": (["-p", "n"], "ITH322", "NAME=VALUE"),
    "two values": (["-p", "n=1", "-p", "n=2"], "ITH322", "given twice"),
    "an unknown backend": (["--backend", "argoo"], "ITH611", "`argoo`", "local"),
    "a missing interpreter": (["--python", "/no/python"], "ITH530", "/no/python"),
    "not an interpreter": (["--python", "/bin/true"], "ITH530", "/bin/true", "no output"),
}


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_a_wrong_argument_is_refused_before_a_step_runs(project: Project, kind: str) -> None:
    arguments, code, *parts = ARGUMENTS[kind]
    project.notebook(("pipeline-parameters", "lr = 0.1\nn = 3\nflag = True"), ("step:a", "x = lr"))
    project.ithaca("run", "nb.ipynb", *arguments).assert_error(code, *parts, exit_code=2)
    assert json.loads(project.ithaca("runs", "list", "--json").out) == []


def test_an_interpreter_without_ipykernel_is_refused_with_the_command_that_installs_it(
    project: Project, tmp_path: Path
) -> None:
    venv.create(tmp_path / "bare", symlinks=True)
    python = str(tmp_path / "bare" / "bin" / "python")
    project.notebook(("step:a", "x = 1"))
    answer = project.ithaca("run", "nb.ipynb", "--python", python)
    answer.assert_error("ITH531", python, f"{python} -m pip install ipykernel", exit_code=2)


def test_a_missing_notebook_or_a_folder_is_refused(project: Project) -> None:
    project.ithaca("run", "gone.ipynb").assert_error("ITH191", "gone.ipynb", exit_code=2)
    project.ithaca("run", ".").assert_error("ITH192", "folder", exit_code=2)


def test_a_store_of_a_newer_version_is_not_changed(project: Project) -> None:
    project.notebook(("step:a", "x = 1"))
    store = project.root / ".ithaca" / "store"
    store.mkdir(parents=True)
    newer = json.dumps({"format": "ithaca-store", "version": 2})
    (store / "version").write_text(newer)
    for command in (["run", "nb.ipynb"], ["runs", "list"], ["snapshots", "verify"]):
        answer = project.ithaca(*command)
        answer.assert_error("ITH401", str(store), "version 2", "upgrade Ithaca", exit_code=4)
    assert [each.name for each in store.iterdir()] == ["version"]
    (store / "version").unlink()


def test_a_folder_that_is_not_a_store_is_not_changed(project: Project) -> None:
    project.notebook(("step:a", "x = 1"))
    store = project.root / ".ithaca" / "store"
    store.mkdir(parents=True)
    (store / "version").write_text("7")
    project.ithaca("run", "nb.ipynb").assert_error("ITH400", str(store), "ITHACA_HOME", exit_code=4)
    (store / "version").unlink()


def test_a_file_in_place_of_the_home_is_not_changed(project: Project) -> None:
    project.notebook(("step:a", "x = 1"))
    home = project.root / ".ithaca"
    home.write_text("mine")
    project.ithaca("run", "nb.ipynb").assert_error("ITH640", str(home), "ITHACA_HOME", exit_code=4)
    assert home.read_text() == "mine"
    home.unlink()


def test_project_code_does_not_run_before_its_step(project: Project) -> None:
    (project.root / "random.py").write_text("raise SystemExit('imported')")
    project.notebook(("step:a", "x = ("))
    answer = project.answer(project.start("run", "nb.ipynb"))
    answer.assert_error("ITH201", "cell 1", exit_code=3)
