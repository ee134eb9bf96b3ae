"""Two machines with separate folders and one remote."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ithaca.errors import NotFound
from ithaca.model.run import AttemptEnd
from ithaca.model.workflow import Source, Step, Workflow
from ithaca.records import names
from ithaca.records.journal import Journal
from ithaca.store import Ignore, LocalStore, SharedStore, restore, take
from ithaca.store import shared as module
from ithaca.store.remotes import Remote
from run_documents import RUN, record_run


@pytest.fixture
def machines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> tuple[SharedStore, SharedStore]:
    monkeypatch.setattr(module, "LISTED", 0.0)

    def attach(name: str) -> SharedStore:
        remote = Remote.open(url, create=True)
        return SharedStore(
            LocalStore.open(tmp_path / name / "store"), remote, cache=tmp_path / name / "cache"
        )

    return attach("one"), attach("two")


def test_the_first_to_create_a_name_wins_everywhere(
    machines: tuple[SharedStore, SharedStore],
) -> None:
    one, two = machines
    assert one.create("keys/ab", b"first")
    assert not two.create("keys/ab", b"second")
    assert (one.read("keys/ab"), two.read("keys/ab")) == (b"first", b"first")


def test_creating_equal_content_twice_succeeds_twice(
    machines: tuple[SharedStore, SharedStore],
) -> None:
    one, two = machines
    assert one.create("keys/ab", b"same")
    assert two.create("keys/ab", b"same")


def test_a_document_is_fetched_once(
    machines: tuple[SharedStore, SharedStore],
) -> None:
    one, two = machines
    one.create("notebooks/ab", b"1")
    two.read("notebooks/ab")
    before = two.remote.requests.total()
    assert two.read("notebooks/ab") == b"1"
    assert two.remote.requests.total() == before


def test_a_document_by_digest_is_visible_on_the_other_machine(
    machines: tuple[SharedStore, SharedStore],
) -> None:
    one, two = machines
    assert two.get(one.put(b"content")) == b"content"


def test_a_document_that_is_neither_local_nor_remote_is_not_found(
    machines: tuple[SharedStore, SharedStore],
) -> None:
    one, _ = machines
    for missing in (lambda: one.read("keys/ab"), lambda: one.get("0" * 64)):
        with pytest.raises(NotFound):
            missing()


def test_a_shared_snapshot_is_restored_on_another_machine(
    machines: tuple[SharedStore, SharedStore], tmp_path: Path
) -> None:
    one, two = machines
    (tmp_path / "work" / "deep").mkdir(parents=True)
    (tmp_path / "work" / "deep" / "a.txt").write_text("hello")
    digest = take(one, tmp_path / "work", ignore=Ignore()).digest
    with pytest.raises(NotFound):
        restore(two, digest, tmp_path / "early")
    one.share([digest])
    restore(two, digest, tmp_path / "there")
    assert (tmp_path / "there" / "deep" / "a.txt").read_text() == "hello"


def test_an_overwritten_hint_is_visible_at_once(
    machines: tuple[SharedStore, SharedStore],
) -> None:
    one, two = machines
    name = names.attempt(RUN, "fit", 1, "progress")
    one.overwrite(name, b"1")
    assert two.read(name) == b"1"
    one.overwrite(name, b"2")
    assert two.read(name) == b"2"


def test_a_run_written_on_one_machine_can_be_followed_on_another(
    machines: tuple[SharedStore, SharedStore],
) -> None:
    one, two = machines
    steps = (Step(name="end"), Step(name="fit", needs=("end",)))
    known = Workflow(name="w", steps=steps, source=Source(notebook="n.ipynb", digest="d"))
    record_run(one, known)
    there = Journal(two, RUN)
    assert there.state().status == "pending"
    end = AttemptEnd(step="end", attempt=1, ended=2.0, status="succeeded", metrics={"m": 1.0})
    one.create(names.attempt(RUN, "end", 1, "end"), msgspec.json.encode(end))
    state = there.state()
    assert [step.status for step in state.steps] == ["succeeded", "pending"]
    assert state.metrics == {"m": 1.0}


def test_reading_a_run_takes_one_listing(
    machines: tuple[SharedStore, SharedStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = machines
    monkeypatch.setattr(module, "LISTED", 60.0)
    for number in range(1, 6):
        one.create(names.attempt(RUN, "fit", number, "start"), b"{}")
    before = one.remote.requests["list"]
    journal = Journal(one, RUN)
    assert journal.attempts("fit") == [1, 2, 3, 4, 5]
    assert journal.events() == []
    assert one.remote.requests["list"] == before + 1
    one.create(names.attempt(RUN, "fit", 6, "start"), b"{}")
    assert journal.attempts("fit")[-1] == 6


def test_the_second_writer_reads_the_first_document_at_once(
    machines: tuple[SharedStore, SharedStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = machines
    monkeypatch.setattr(module, "LISTED", 60.0)
    name = names.attempt(RUN, "fit", 1, "end")
    assert not two.exists(name)
    assert one.create(name, b"first")
    assert not two.create(name, b"second")
    assert two.exists(name)
    assert two.read(name) == b"first"


def test_a_losing_document_is_never_stored_locally(
    machines: tuple[SharedStore, SharedStore],
) -> None:
    one, two = machines
    one.create("notebooks/ab", b"first")
    two.create("notebooks/ab", b"second")
    assert LocalStore.open(two.path).read("notebooks/ab") == b"first"


@pytest.mark.parametrize("name", ["keys/ab", "locks/ab", "engines/ab"])
def test_keys_locks_and_engines_of_one_remote_are_unknown_on_another(
    machines: tuple[SharedStore, SharedStore], tmp_path: Path, name: str
) -> None:
    one, _ = machines
    elsewhere = Remote.open((tmp_path / "elsewhere").as_uri(), create=True)
    same_folder = SharedStore(LocalStore.open(one.path), elsewhere, cache=tmp_path / "cache")
    one.create(name, b"there")
    assert one.read(name) == b"there"
    assert not same_folder.exists(name)
    with pytest.raises(NotFound):
        same_folder.read(name)
    assert same_folder.create(name, b"here")
    assert (one.read(name), same_folder.read(name)) == (b"there", b"here")


def test_invalidating_shows_documents_written_since_the_last_listing(
    machines: tuple[SharedStore, SharedStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LISTED", float("inf"))
    one, two = machines
    assert two.list(f"runs/{RUN}/steps/") == []
    one.create(f"runs/{RUN}/end", b"{}")
    assert not two.exists(f"runs/{RUN}/end")
    two.invalidate()
    assert two.exists(f"runs/{RUN}/end")


def test_a_listing_includes_local_and_remote_documents(
    machines: tuple[SharedStore, SharedStore],
) -> None:
    one, two = machines
    one.create("keys/ab", b"1")
    LocalStore.open(two.path).create("keys/cd", b"2")
    assert two.list("keys/") == ["ab", "cd"]
    assert one.list("keys") == ["ab"]


def test_a_listing_of_a_run_includes_local_and_remote_documents(
    machines: tuple[SharedStore, SharedStore],
) -> None:
    one, two = machines
    one.create(names.attempt(RUN, "end", 1, "start"), b"1")
    LocalStore.open(two.path).create(names.attempt(RUN, "end", 2, "start"), b"2")
    assert Journal(two, RUN).attempts("end") == [1, 2]
    assert (one.list("runs/"), two.list("runs/")) == ([RUN], [RUN])


def test_a_listing_of_a_missing_folder_is_empty(machines: tuple[SharedStore, SharedStore]) -> None:
    one, _ = machines
    assert (one.list("keys/"), one.list(f"runs/{RUN}")) == ([], [])


def test_a_hint_is_stored_locally_too(machines: tuple[SharedStore, SharedStore]) -> None:
    one, _ = machines
    name = names.attempt(RUN, "fit", 1, "progress")
    one.overwrite(name, b"1")
    one.overwrite(name, b"2")
    assert LocalStore.open(one.path).read(name) == b"2"
