"""What `ithaca runs` shows of runs whose documents are written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import Result

from ithaca.backends import Observation
from ithaca.backends.local.session import LocalSession
from ithaca.model.run import AttemptEnd, AttemptStart, Event, RunEnd, StepError
from ithaca.model.workflow import Metric, Source, Step, Workflow
from ithaca.records import names
from ithaca.runs.project import Project, find_project
from ithaca.store import LocalStore, Store

ITHACA = Callable[..., Result]
RECORD = Callable[[str, Workflow], Store]

RUN = "01JDDDDDDDDDDDDDDDDDDDDDDD"

WORKFLOW = Workflow(
    name="w",
    steps=(
        Step(name="load", retries=1),
        Step(name="deploy", needs=("load",), approval="Really?"),
        Step(name="last", needs=("load",)),
    ),
    metrics=(
        Metric(name="zeal", variable="zeal", step="last"),
        Metric(name="area", variable="area", step="load"),
    ),
    source=Source(notebook="w.ipynb", digest="d"),
)


@pytest.fixture
def waiting(project: Path, record_run: RECORD, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with a run whose `deploy` waits; its `load` needed two attempts."""
    store = record_run(RUN, WORKFLOW)
    error = StepError(code="ITH501", message="KeyError: 'x'", cell=3, line=1, name="KeyError")
    attempt(store, "load", 1, "failed", error=error)
    attempt(store, "load", 2, "succeeded", execution="x", metrics={"area": 2.0})
    attempt(store, "last", 1, "succeeded", execution="y", metrics={"zeal": 1.0})
    monkeypatch.setattr(LocalSession, "observe", lambda _, __: Observation())
    return find_project(project)


def write(store: Store, name: str, document: msgspec.Struct) -> None:
    assert store.create(name, msgspec.json.encode(document))


def attempt(store: Store, step: str, number: int, status: str, **more: object) -> None:
    start = AttemptStart(step=step, attempt=number, started=2.0, writer="test")
    end = AttemptEnd(step=step, attempt=number, ended=3.5, status=status, **more)  # type: ignore[arg-type]
    write(store, names.attempt(RUN, step, number, "start"), start)
    store.create(names.log(RUN, step, number, 0), f"log {number}\n".encode())
    store.create(names.attempt(RUN, step, number, "notebook.ipynb"), b"%d" % number)
    write(store, names.attempt(RUN, step, number, "end"), end)


def answer(store: Store, kind: str, comment: str) -> None:
    event = Event(id="E1", kind=kind, at=4.0, by="ada", step="deploy", comment=comment)  # type: ignore[arg-type]
    write(store, names.event(RUN, event.id), event)


def test_the_list_shows_which_step_is_waiting_for_approval(
    ithaca: ITHACA, waiting: Project
) -> None:
    assert "running (deploy is waiting)" in ithaca("runs", "list").stdout
    assert "running (deploy is waiting)" in ithaca("runs", "show", RUN).stdout
    (row,) = json.loads(ithaca("runs", "list", "--json").stdout)
    assert (row["status"], row["waiting"]) == ("running", ["deploy"])
    steps = json.loads(ithaca("runs", "show", RUN, "--json").stdout)["steps"]
    assert (steps[1]["status"], steps[1]["question"]) == ("waiting", "Really?")


def test_metrics_are_in_the_order_of_the_notebooks_cell(ithaca: ITHACA, waiting: Project) -> None:
    assert "zeal=1 area=2" in ithaca("runs", "list").stdout
    shown = ithaca("runs", "show", RUN).stdout
    assert shown.index("zeal = 1") < shown.index("area = 2")
    shown = json.loads(ithaca("runs", "show", RUN, "--json").stdout)
    assert list(shown["metrics"]) == ["zeal", "area"]


def test_a_step_lists_its_attempts_and_how_to_see_the_log_of_one(
    ithaca: ITHACA, waiting: Project
) -> None:
    shown = ithaca("runs", "show", f"{RUN}/load").stdout
    assert "1  failed in 1.5 s: cell 3, line 1: KeyError: 'x'" in shown
    assert "2  succeeded in 1.5 s" in shown
    assert f"ithaca runs logs {RUN}/load --attempt N" in shown
    assert ithaca("runs", "logs", f"{RUN}/load").stdout == "log 2\n"
    assert ithaca("runs", "logs", f"{RUN}/load", "--attempt", "1").stdout == "log 1\n"
    assert ithaca("runs", "notebook", f"{RUN}/load", "--attempt", "1").stdout == "1"
    (log,) = json.loads(ithaca("runs", "logs", f"{RUN}/load", "--attempt", "1", "--json").stdout)
    assert log == {"step": "load", "attempt": 1, "text": "log 1\n"}
    shown = json.loads(ithaca("runs", "show", f"{RUN}/load", "--json").stdout)
    assert [(each["attempt"], each["status"]) for each in shown["attempts"]] == [
        (1, "failed"),
        (2, "succeeded"),
    ]
    assert "attempts:" not in ithaca("runs", "show", f"{RUN}/last").stdout


def test_an_answer_is_shown_with_its_author_and_comment(ithaca: ITHACA, waiting: Project) -> None:
    answer(waiting.store(), "approve", "looks good")
    assert "approved by ada: looks good" in ithaca("runs", "show", RUN).stdout
    assert "answer: approved by ada: looks good" in ithaca("runs", "show", f"{RUN}/deploy").stdout
    answered = {"answer": "approved", "by": "ada", "at": 4.0, "comment": "looks good"}
    step = json.loads(ithaca("runs", "show", f"{RUN}/deploy", "--json").stdout)
    assert step["answer"] == answered
    steps = json.loads(ithaca("runs", "show", RUN, "--json").stdout)["steps"]
    assert [each["answer"] for each in steps] == [None, answered, None]


@pytest.mark.parametrize("name", [names.run(RUN), names.run(RUN, "end")])
def test_a_damaged_run_is_listed_among_the_others(
    ithaca: ITHACA, recorded: Path, name: str
) -> None:
    store = LocalStore.open(recorded / ".ithaca" / "store")
    good = json.loads(store.read(names.run("01JAAAAAAAAAAAAAAAAAAAAAAA")))
    write(store, names.run(RUN, "end"), RunEnd(status="failed", ended=2.0))
    store.create(names.run(RUN), json.dumps({**good, "id": RUN}).encode())
    store.overwrite(name, b'{"status": 1')
    listed = ithaca("runs", "list")
    assert listed.exit_code == 0
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:]] == [
        RUN,
        "01JBBBBBBBBBBBBBBBBBBBBBBB",
        "01JAAAAAAAAAAAAAAAAAAAAAAA",
    ]
    assert "damaged" in listed.stdout
    assert f"warning: run {RUN}: ITH601" in listed.stderr
    rows = json.loads(ithaca("runs", "list", "--json").stdout)
    assert (rows[0]["status"], rows[0]["error"]["code"]) == ("damaged", "ITH601")


def test_the_end_of_a_run_that_only_its_backend_knows_is_recorded_on_request(
    ithaca: ITHACA, waiting: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = msgspec.json.encode(RunEnd(status="cancelled", ended=9.0))

    def reconcile(_session: LocalSession, run: str) -> None:
        waiting.store().create(names.run(run, "end"), end)

    monkeypatch.setattr(LocalSession, "reconcile", reconcile)
    assert ithaca("runs", "show", RUN).stdout.count("cancelled") == 0
    assert ithaca("runs", "reconcile", RUN).stdout == f"{RUN} cancelled\n"
    assert waiting.store().read(names.run(RUN, "end")) == end
