from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

import notebooks
import run_documents
from ithaca.cli.program import program
from ithaca.model.run import AttemptEnd, AttemptStart, RunEnd, StepError
from ithaca.model.workflow import Parameter, Source, Step, Workflow
from ithaca.records import names
from ithaca.store import LocalStore, Store

ITHACA = Callable[..., Result]
RECORD = Callable[[str, Workflow], Store]
WRITE = Callable[..., str]

FAILED, SUCCEEDED = "01JAAAAAAAAAAAAAAAAAAAAAAA", "01JBBBBBBBBBBBBBBBBBBBBBBB"

WORKFLOW = Workflow(
    name="digits",
    parameters=(Parameter(name="lr", type="float", default=0.1),),
    steps=(
        Step(name="load"),
        Step(name="train", needs=("load",)),
        Step(name="end", needs=("train",)),
    ),
    source=Source(notebook="digits.ipynb", digest="d"),
)


@pytest.fixture
def ithaca(project: Path, monkeypatch: pytest.MonkeyPatch) -> ITHACA:
    """Runs a command line in the project."""
    monkeypatch.chdir(project)

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(program, arguments)

    return call


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without any run."""
    monkeypatch.delenv("ITHACA_HOME", raising=False)
    (tmp_path / ".git").mkdir()
    return tmp_path


@pytest.fixture
def write_notebook(project: Path) -> WRITE:
    """Writes a notebook of the project from cells of space-separated tags and source."""

    def write(name: str, *cells: notebooks.Cell) -> str:
        notebooks.write_notebook(project / name, *cells)
        return name

    return write


@pytest.fixture
def record_run(project: Path) -> RECORD:
    """Writes the document of a run of a workflow; returns the project's store."""

    def record(run: str, workflow: Workflow) -> Store:
        store = LocalStore.open(project / ".ithaca" / "store")
        run_documents.record_run(
            store, workflow, id=run, created=1_700_000_000.0, root=str(project)
        )
        return store

    return record


@pytest.fixture
def recorded(project: Path, record_run: RECORD) -> Path:
    """A project with a run that failed, and one that succeeded by reusing a step of it."""
    for run in (FAILED, SUCCEEDED):
        store = record_run(run, WORKFLOW)
        store.create(names.run(run, "notebook"), b'{"cells": []}')
    _attempt(store, FAILED, "load", "succeeded", execution="x", after="a" * 64, log=b"loaded\n")
    error = StepError(code="ITH500", message="the cell failed", cell=7, line=2, name="ValueError")
    _attempt(store, FAILED, "train", "failed", error=error, log=b"Traceback\n")
    _write(store, names.run(FAILED, "end"), RunEnd(status="failed", ended=1_700_000_065.0))
    _attempt(store, SUCCEEDED, "load", "reused", execution="x", reused_from=FAILED)
    _attempt(store, SUCCEEDED, "train", "succeeded", metrics={"accuracy": 0.5}, log=b"trained\n")
    _attempt(store, SUCCEEDED, "end", "succeeded", log=b"done\n")
    _write(store, names.run(SUCCEEDED, "end"), RunEnd(status="succeeded", ended=1_700_000_003.0))
    return project


def _attempt(
    store: Store, run: str, step: str, status: str, *, log: bytes = b"", **more: object
) -> None:
    start = AttemptStart(step=step, attempt=1, started=1_700_000_001.0, writer="test")
    end = AttemptEnd(step=step, attempt=1, ended=1_700_000_002.5, status=status, **more)  # type: ignore[arg-type]
    if status != "reused":
        _write(store, names.attempt(run, step, 1, "start"), start)
        store.create(names.log(run, step, 1, 0), log)
        store.create(names.attempt(run, step, 1, "notebook.ipynb"), b'{"cells": [1]}')
    _write(store, names.attempt(run, step, 1, "end"), end)


def _write(store: Store, name: str, document: msgspec.Struct) -> None:
    assert store.create(name, msgspec.json.encode(document))
