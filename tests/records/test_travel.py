"""A run goes to a remote and comes back with all that its documents name."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ithaca.errors import NotFound
from ithaca.model.run import AttemptEnd, Execution, PlannedStep, Progress, RunEnd
from ithaca.records import names
from ithaca.records.journal import Journal
from ithaca.records.travel import names_below, pull_run, push_run
from ithaca.store import Ignore, LocalStore, Store, list_snapshots, take, verify
from ithaca.store.remotes import Remote
from run_documents import RUN, run_document


def snapshot(store: Store, folder: Path, text: str) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "file").write_text(text)
    return take(store, folder, ignore=Ignore()).digest


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a run of two steps: one reused from an older run, and one called `end`."""
    store = LocalStore.open(tmp_path / "store")
    source, middle, last = (snapshot(store, tmp_path / "work", text) for text in "abc")
    first = store.put(
        msgspec.json.encode(Execution(step="first", key="k1", before=source, after=middle))
    )
    second = store.put(
        msgspec.json.encode(
            Execution(step="end", key="k2", before=middle, after=last, parents=(first,))
        )
    )
    store.create("keys/k1", b'{"execution": "%s", "run": "x"}' % first.encode())
    store.create("keys/k2", b'{"execution": "%s", "run": "x"}' % second.encode())
    document = run_document(
        workflow=store.put(b"{}"),
        name="digits",
        source=source,
        plan=(
            PlannedStep(step="first", action="reuse", execution=first),
            PlannedStep(step="end", action="run"),
        ),
    )
    end = AttemptEnd(
        step="end", attempt=1, ended=2.0, status="succeeded", execution=second, after=last
    )
    for name, what in {
        names.run(RUN): document,
        names.attempt(RUN, "end", 1, "end"): end,
        names.attempt(RUN, "end", 1, "progress"): Progress(cell=1, cells=2),
        names.run(RUN, "end"): RunEnd(status="succeeded", ended=3.0),
    }.items():
        store.create(name, msgspec.json.encode(what))
    store.create(names.log(RUN, "end", 1, 0), b"done\n")
    return store


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return Remote.open(f"file://{tmp_path}/remote", create=True)


def test_a_run_comes_back_whole(store: Store, remote: Remote, tmp_path: Path) -> None:
    push_run(store, remote, RUN)
    there = LocalStore.open(tmp_path / "there")
    pull_run(there, remote, RUN)
    sent = [one for one in names_below(store, "runs") if not one.endswith("/progress")]
    assert list(names_below(there, "runs")) == sent
    assert all(there.read(name) == store.read(name) for name in sent)
    assert there.digests("documents") == store.digests("documents")
    assert there.list("keys/") == ["k1", "k2"]
    assert len(list_snapshots(there)) == 3
    assert verify(there) == []
    assert Journal(there, RUN).run() == Journal(store, RUN).run()


def test_a_run_travels_once(store: Store, remote: Remote, tmp_path: Path) -> None:
    push_run(store, remote, RUN)
    again = push_run(store, remote, RUN)
    assert (again.snapshots, again.objects, again.documents) == (0, 0, 0)
    there = LocalStore.open(tmp_path / "there")
    pull_run(there, remote, RUN)
    again_there = pull_run(there, remote, RUN)
    assert (again_there.snapshots, again_there.objects, again_there.documents) == (0, 0, 0)


def test_a_run_can_be_looked_at_without_its_snapshots(
    store: Store, remote: Remote, tmp_path: Path
) -> None:
    push_run(store, remote, RUN)
    there = LocalStore.open(tmp_path / "there")
    pull_run(there, remote, RUN, snapshots=False)
    assert list_snapshots(there) == []
    assert there.list("keys/") == []
    assert there.digests("documents") == store.digests("documents")


def test_the_run_itself_is_sent_last(
    store: Store, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    create = Remote.create

    def noted(self: Remote, name: str, data: bytes) -> bool:
        sent.append(name)
        return create(self, name, data)

    monkeypatch.setattr(Remote, "create", noted)
    push_run(store, remote, RUN)
    assert {*sent[-2:]} == {f"runs/{RUN}/run", f"runs/{RUN}/end"}


def test_a_run_that_is_not_there_is_not_found(store: Store, remote: Remote, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        pull_run(store, remote, "01JB")
    with pytest.raises(NotFound):
        push_run(store, remote, "01JB")
