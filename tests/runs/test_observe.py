"""Reading how a run stands, and writing the ends that only its backend knows."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ithaca.backends import Observation
from ithaca.backends.local.session import LocalSession
from ithaca.errors import UsageError
from ithaca.model.run import AttemptEnd, RunEnd
from ithaca.model.workflow import Source, Step, Workflow
from ithaca.records import names
from ithaca.runs.handle import Run
from ithaca.runs.project import find_project
from ithaca.store import LocalStore
from run_documents import RUN, record_run

WORKFLOW = Workflow(
    name="w", steps=(Step(name="a"),), source=Source(notebook="n.ipynb", digest="d")
)

ENDS = {
    names.attempt(RUN, "a", 1, "end"): msgspec.json.encode(
        AttemptEnd(step="a", attempt=1, ended=2.0, status="succeeded")
    ),
    names.run(RUN, "end"): msgspec.json.encode(RunEnd(status="succeeded", ended=2.0)),
}
"""What a backend knows of the run and nothing has written."""


def write(root: Path, **more: object) -> None:
    (root / ".git").mkdir()
    store = LocalStore.open(root / ".ithaca" / "store")
    record_run(store, WORKFLOW, root=str(root), **more)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    write(tmp_path)
    return Run(find_project(tmp_path), RUN)


def knows(monkeypatch: pytest.MonkeyPatch, run: Run, *, late: bool = False) -> None:
    """Let the run's backend know its ends; `late`: only once somebody has looked."""
    looked = not late

    def observe(_session: LocalSession, _run: str) -> Observation:
        nonlocal looked
        looked = True
        return Observation(ends={} if run._journal.ended() else ENDS)

    def reconcile(_session: LocalSession, _run: str) -> None:
        if looked:
            for name, data in ENDS.items():
                run._store.create(name, data)

    monkeypatch.setattr(LocalSession, "observe", observe)
    monkeypatch.setattr(LocalSession, "reconcile", reconcile)


def test_an_end_that_only_the_backend_knows_is_seen_and_not_written(
    monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    knows(monkeypatch, run)
    assert run.status == "succeeded"
    assert run.step("a").status == "succeeded"
    assert [attempt.status for attempt in run.attempts("a")] == ["succeeded"]
    assert run._journal.ended() is None


def test_an_end_that_a_watcher_reports_is_written(
    monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    knows(monkeypatch, run, late=True)
    assert [state.status for state in run.watch()] == ["succeeded"]
    end = run._journal.ended()
    assert end is not None
    assert end.status == "succeeded"


def test_a_run_that_has_ended_unnoticed_cannot_be_cancelled(
    monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    knows(monkeypatch, run)
    with pytest.raises(UsageError, match="the run has ended: succeeded") as raised:
        run.cancel()
    assert raised.value.code == "ITH905"
    assert run._journal.events() == []
    assert run.status == "succeeded"


def test_a_run_that_nothing_runs_any_more_cannot_be_cancelled(
    monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    monkeypatch.setattr(LocalSession, "observe", lambda *_: Observation(alive=False))
    with pytest.raises(UsageError, match="the run is lost") as raised:
        run.cancel()
    assert "runs retry" in raised.value.cure


def test_a_reader_on_another_cluster_does_not_take_a_run_for_lost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(tmp_path, store=f"file://{tmp_path}/remote")
    project = find_project(tmp_path, {"store_access": "read"})
    monkeypatch.setattr(type(project), "store_of", lambda project, _run: project.store())
    monkeypatch.setattr(LocalSession, "observe", lambda *_: Observation(alive=False))
    assert Run(project, RUN).status == "pending"
