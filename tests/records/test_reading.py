"""Reading a run changes nothing, and reads what an older Ithaca wrote."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ithaca.model.run import AttemptEnd, AttemptStart, RunDocument, Trial
from ithaca.model.workflow import Source, Step, Workflow
from ithaca.records import names
from ithaca.records.journal import Journal, find_run, list_runs
from ithaca.store import LocalStore, Store

RUN = "01JAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = LocalStore.open(tmp_path / "store")
    source = Source(notebook="nb.ipynb", digest="d")
    flow = Workflow(name="w", steps=(Step(name="fit"), Step(name="use")), source=source)
    old = {
        "id": RUN,
        "created": 0.0,
        "workflow": store.put(flow.to_json().encode()),
        "name": "w",
        "source": "",
        "notebook": "nb.ipynb",
        "root": "/",
        "python": "",
        "environment": "",
    }
    store.create(names.run(RUN), msgspec.json.encode(old))
    start = AttemptStart(step="fit", attempt=1, started=1.0, writer="w-fit-1")
    store.create(names.attempt(RUN, "fit", 1, "start"), msgspec.json.encode(start))
    return store


def files(folder: Path) -> dict[Path, int]:
    return {each: each.lstat().st_mtime_ns for each in folder.rglob("*")}


def test_reading_a_run_writes_nothing(store: Store, tmp_path: Path) -> None:
    before = files(tmp_path)
    for alive in (True, False):
        journal = Journal(store, find_run(store, "latest"))
        journal.state(alive=alive)
        journal.attempt_end("fit", 1)
        journal.log("fit", 1)
        journal.progress("fit", 1)
        journal.ended()
    assert list_runs(store) == [RUN]
    assert files(tmp_path) == before


def test_a_document_without_newer_fields_is_read(store: Store) -> None:
    run = Journal(store, RUN).run()
    assert (run.merge_rules, run.trial, run.template) == ({}, None, "")


def test_a_document_holds_merge_rules_in_their_order_and_the_trial(store: Store) -> None:
    rules = {"*.log": "drop", "*": "last", "a.log": "first"}
    trial = Trial(study="lr", number=3, attempt=2)
    run = msgspec.structs.replace(
        Journal(store, RUN).run(), merge_rules=rules, trial=trial, template="t"
    )
    found = msgspec.json.decode(msgspec.json.encode(run), type=RunDocument)
    assert list(found.merge_rules.items()) == list(rules.items())
    assert (found.trial, found.template) == (trial, "t")


@given(st.dictionaries(st.sampled_from(["loss", "size", "time"]), st.floats()))
def test_metrics_are_read_as_they_were_written_even_if_they_are_no_numbers_of_json(
    metrics: dict[str, float],
) -> None:
    end = AttemptEnd(step="fit", attempt=1, ended=2.0, status="succeeded", metrics=metrics)
    found = msgspec.json.decode(msgspec.json.encode(end), type=AttemptEnd)
    assert repr(found.metrics) == repr(end.metrics) == repr(metrics)
