from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from ithaca.cli.program import program
from ithaca.model.run import AttemptEnd, AttemptStart, RunDocument, RunEnd, StepError
from ithaca.model.workflow import Parameter, Source, Step, Workflow
from ithaca.records import names
from ithaca.store import LocalStore, Store

ITHACA = Callable[..., Result]

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
def recorded(project: Path) -> Path:
    """A project with a run that failed, and one that succeeded by reusing a step of it."""
    store = LocalStore.open(project / ".ithaca" / "store")
    digest = store.put(WORKFLOW.to_json().encode())
    for run in (FAILED, SUCCEEDED):
        document = RunDocument(
            id=run,
            created=1_700_000_000.0,
            workflow=digest,
            name="digits",
            arguments={"lr": 0.1},
            source="5" * 64,
            notebook="digits.ipynb",
            root=str(project),
            python="python",
            environment="e",
        )
        _write(store, names.run(run), document)
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
