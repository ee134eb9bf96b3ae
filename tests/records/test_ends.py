"""Ends of attempts whose pods could not say how they ended."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from ithaca.model.run import (
    AttemptEnd,
    AttemptStart,
    Progress,
    StepError,
)
from ithaca.model.workflow import Source, Step, Workflow
from ithaca.records import names
from ithaca.records.ends import Loss, end_run, lost, settle
from ithaca.records.journal import TERMINATED, Journal
from ithaca.store import LocalStore
from run_documents import RUN, record_run


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    store = LocalStore.open(tmp_path / "store")
    flow = Workflow(
        name="w",
        steps=(Step(name="fit"), Step(name="use")),
        source=Source(notebook="nb.ipynb", digest="d"),
    )
    record_run(store, flow)
    return Journal(store, RUN)


def begin(journal: Journal, number: int = 1, **more: str) -> None:
    fields = {"writer": f"w-fit-{number}", **more}
    start = AttemptStart(step="fit", attempt=number, started=1.0, **fields)
    journal.create(names.attempt(RUN, "fit", number, "start"), start)


def told(journal: Journal, number: int = 1) -> AttemptEnd:
    found = journal.attempt_end("fit", number)
    assert found is not None
    return found


def error(journal: Journal, number: int = 1) -> StepError:
    found = told(journal, number).error
    assert found is not None
    return found


def test_a_pod_without_memory_is_told_with_its_limit_and_its_cell(journal: Journal) -> None:
    begin(journal, memory="2Gi")
    store = journal.store
    assert isinstance(store, LocalStore)
    store.overwrite(
        names.attempt(RUN, "fit", 1, "progress"),
        msgspec.json.encode(Progress(cell=2, cells=3, number=7)),
    )
    settle(journal, [Loss("fit", 1, "main: OOMKilled (exit code 137)", 137)])
    found = error(journal)
    assert (found.code, found.message, found.cell) == ("ITH524", "out of memory: limit 2Gi", 7)
    assert not told(journal).infrastructure


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("The node was low on resource: memory.", "its pod was evicted: "),
        ('Usage of EmptyDir volume "ithaca-work" exceeds the limit "60Mi".', "its pod was evicted"),
        ("Preempted in order to admit critical pod", "its pod was preempted: "),
        ("Pod was terminated in response to imminent node shutdown.", "its node was lost: "),
        ("pod deleted", "its pod was deleted"),
        ("", "its pod vanished"),
    ],
)
def test_what_the_machine_did_to_a_pod_is_named_and_counts_as_the_machines(
    journal: Journal, said: str, message: str
) -> None:
    begin(journal)
    settle(journal, [Loss("fit", 1, said)])
    assert error(journal).message.startswith(message)
    assert told(journal).infrastructure


def test_a_pod_that_never_began_its_step_still_gets_an_end(journal: Journal) -> None:
    settle(journal, [Loss("fit", 1, "main: Error (exit code 1): No module named ithaca", 1)])
    assert error(journal).code == "ITH667"
    assert journal.state().step("fit").status == "pending"  # another attempt follows


def test_a_pod_that_never_began_is_told_with_what_helps_where_that_is_known(
    journal: Journal,
) -> None:
    settle(journal, [Loss("fit", 1, 'secret "s" not found', cure="create the secret")])
    assert error(journal).cure == "create the secret"


def test_a_pod_is_found_by_its_name_when_the_engine_counts_otherwise(journal: Journal) -> None:
    begin(journal, 1, writer="w-fit-11")
    begin(journal, 2, writer="w-fit-22")
    settle(journal, [Loss("fit", 1, "pod deleted", pod="-22")])
    assert journal.attempt_end("fit", 1) is None
    assert error(journal, 2).message == "its pod was deleted"


def test_of_pods_with_one_name_the_last_one_is_meant(journal: Journal) -> None:
    begin(journal, 1, writer="w-fit-11")
    begin(journal, 2, writer="w-fit-11")
    settle(journal, [Loss("fit", 1, "pod deleted", pod="-11")])
    assert journal.attempt_end("fit", 1) is None
    assert error(journal, 2).message == "its pod was deleted"


def test_a_runner_that_said_that_no_attempt_is_left_began_none(journal: Journal) -> None:
    begin(journal)
    settle(journal, [Loss("fit", 1, "OOMKilled"), Loss("fit", 2, "no attempt is left", 65)])
    assert journal.attempts("fit") == [1]


def test_a_cancelled_run_gets_no_failures_for_what_never_began(journal: Journal) -> None:
    journal.ask("cancel")
    settle(journal, [Loss("fit", 1, "the run was cancelled", 65)])
    assert journal.attempts("fit") == []


def test_the_first_end_stays_and_a_pod_that_was_terminated_is_explained_later(
    journal: Journal,
) -> None:
    begin(journal)
    said = StepError(code=TERMINATED, message="the pod was terminated", cell=3)
    end = AttemptEnd(step="fit", attempt=1, ended=time.time(), status="failed", error=said)
    journal.create(names.attempt(RUN, "fit", 1, "end"), end)
    settle(journal, [Loss("fit", 1, "The node was low on resource: memory.", 137)])
    found = error(Journal(journal.store, RUN))
    assert (found.code, found.cell) == ("ITH523", 3)
    assert found.message == "its pod was evicted: The node was low on resource: memory."
    shown = Journal(journal.store, RUN).state().step("fit").error
    assert shown == found


def test_a_pod_that_vanished_is_explained_later(journal: Journal) -> None:
    begin(journal, memory="1Gi")
    lost(journal, "fit", 1)
    assert error(journal).message == "its pod vanished"
    settle(journal, [Loss("fit", 1, "main: OOMKilled (exit code 137)", 137)])
    assert error(Journal(journal.store, RUN)).message == "out of memory: limit 1Gi"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("TaskRun cancelled as the PipelineRun it belongs to has been cancelled.", "cancelled"),
        ("TaskRun cancelled as the PipelineRun it belongs to has timed out.", "timed_out"),
        ("workflow shutdown with strategy:  Stop", "cancelled"),
    ],
)
def test_a_pod_that_its_engine_terminated_ended_as_the_engine_says(
    journal: Journal, said: str, status: str
) -> None:
    begin(journal)
    error = StepError(code=TERMINATED, message="the pod was terminated")
    end = AttemptEnd(step="fit", attempt=1, ended=time.time(), status="failed", error=error)
    journal.create(names.attempt(RUN, "fit", 1, "end"), end)
    said = f'TaskRunCancelled: TaskRun "w-fit" was cancelled. {said}'
    settle(journal, [Loss("fit", 1, said)])
    assert Journal(journal.store, RUN).state().step("fit").status == status


def test_a_reason_adds_nothing_to_an_end_that_said_why(journal: Journal) -> None:
    begin(journal)
    said = StepError(code="ITH501", message="ZeroDivisionError: division by zero")
    end = AttemptEnd(step="fit", attempt=1, ended=time.time(), status="failed", error=said)
    journal.create(names.attempt(RUN, "fit", 1, "end"), end)
    settle(journal, [Loss("fit", 1, "Evicted", 137)])
    assert error(Journal(journal.store, RUN)) == said


def test_a_run_that_was_stopped_in_its_engine_is_cancelled(journal: Journal) -> None:
    end_run(journal, stopped=True, message="it was stopped in Argo")
    state = journal.state()
    assert (state.status, state.message) == ("cancelled", "it was stopped in Argo")


def test_a_run_whose_time_was_over_says_so_and_what_was_not_done(journal: Journal) -> None:
    begin(journal)
    settle(journal, [Loss("fit", 1, "Step exceeded its deadline")])
    end_run(journal, deadline=60.0, message="noise")
    state = journal.state()
    assert (state.status, state.step("fit").status) == ("failed", "timed_out")
    assert state.message == "the run exceeded its deadline of 60 s; not finished: fit"
