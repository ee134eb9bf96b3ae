"""Compiled workflows, parallel launches, and read access that writes nothing."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from projects import Notebook, processes

import ithaca
from ithaca.backends.local.admission import cores
from ithaca.model.run import RunDocument
from ithaca.records.journal import Journal
from ithaca.runs.project import find_project

pytestmark = pytest.mark.slow

PARAMETERS = ("pipeline-parameters", "n = 1")


def modification_times(folder: Path) -> dict[str, float]:
    """The modification time of every path below a folder."""
    return {str(path): path.lstat().st_mtime for path in folder.rglob("*")}


def test_a_workflow_runs_in_the_project_of_its_notebook(tmp_path: Path, notebook: Notebook) -> None:
    path = notebook(("step:look", "text = open('name.txt').read()\nprint(text)"))
    workflows = []
    for name in ("one", "two"):
        root = tmp_path / name
        (root / ".git").mkdir(parents=True)
        (root / "name.txt").write_text(name)
        shutil.copy(path, root / "nb.ipynb")
        workflows.append(ithaca.compile(root / "nb.ipynb"))
    assert workflows[0].to_json() == workflows[1].to_json()
    assert ithaca.run(workflows[0]).wait().logs("look").splitlines()[-1] == "one"


def test_launches_of_one_preparation_read_the_project_once_and_share_reused_steps(
    project: Path, notebook: Notebook
) -> None:
    (project / "rows.txt").write_text("3 4")
    path = notebook(
        PARAMETERS,
        ("step:load", "rows = [int(each) for each in open('rows.txt').read().split()]"),
        ("step:scale prev:load", "print([n * each for each in rows])"),
    )
    assert ithaca.run(path).wait().status == "succeeded"
    prepared = ithaca.prepare(path)
    assert set(prepared.known) == {"load"}
    (project / "rows.txt").unlink()
    path.unlink()
    runs = [prepared.launch({"n": n}).wait() for n in (2, 3)]
    assert [run.logs("scale").splitlines()[-1] for run in runs] == ["[6, 8]", "[9, 12]"]
    assert [run.steps[0].status for run in runs] == ["reused", "reused"]
    documents = [run.document for run in runs]
    assert documents[0].source == documents[1].source
    assert [document.arguments for document in documents] == [{"n": 2}, {"n": 3}]


def test_parallel_runs_share_the_cores_of_the_machine(project: Path, notebook: Notebook) -> None:
    path = notebook(
        PARAMETERS,
        (f"step:work request:cpu:{cores()}", "import time\ntime.sleep(1 + n / 100)"),
    )
    prepared = ithaca.prepare(path)
    runs = [prepared.launch({"n": n}) for n in (1, 2, 3)]
    steps = sorted((run.wait().steps[0] for run in runs), key=lambda step: step.started or 0)
    assert [step.status for step in steps] == ["succeeded"] * 3
    for before, after in pairwise(steps):
        assert before.ended is not None
        assert after.started is not None
        assert before.ended <= after.started


def test_observing_writes_nothing(project: Path, notebook: Notebook) -> None:
    run = ithaca.run(notebook(PARAMETERS, ("step:a", "x = n")), wait=True)
    psutil.wait_procs(processes(str(project)))  # a supervisor cleans up after the end
    before = modification_times(project)
    opened = ithaca.open_run(run.id)
    assert opened.status == "succeeded"
    assert opened.observe().step("a").status == "succeeded"
    assert opened._repr_html_()
    assert modification_times(project) == before


def test_a_reader_finds_a_run_without_a_supervisor_lost_and_writes_nothing(
    project: Path, notebook: Notebook
) -> None:
    run = ithaca.run(notebook(PARAMETERS, ("step:a", "x = n")), wait=True)
    store = find_project().store()
    lost = json.loads(store.read(f"runs/{run.id}/run"))
    lost["id"] = "01J00000000000000000000000"
    lost["plan"] = [{**lost["plan"][0], "action": "run"}]
    store.create(f"runs/{lost['id']}/run", json.dumps(lost).encode())
    psutil.wait_procs(processes(str(project)))
    before = modification_times(project)
    assert ithaca.open_run(lost["id"]).status == "lost"
    assert modification_times(project) == before
    assert isinstance(Journal(store, lost["id"]).run(), RunDocument)


def test_waiting_with_progress_shows_the_steps(
    project: Path, notebook: Notebook, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ithaca.run(notebook(PARAMETERS, ("step:first", "x = n"), ("step:second", "x = n")))
    run.wait(progress=True)
    shown = capsys.readouterr().err
    assert "first" in shown
    assert "second" in shown
    assert shown.count("succeeded") >= 2
