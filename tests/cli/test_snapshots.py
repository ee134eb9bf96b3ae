from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from click.testing import Result

from ithaca.model.run import AttemptEnd
from ithaca.records import names
from ithaca.store import LocalStore

ITHACA = Callable[..., Result]


@pytest.fixture
def folder(project: Path) -> Path:
    found = project / "data"
    (found / "deep").mkdir(parents=True)
    (found / "deep" / "a.txt").write_text("a")
    (found / "link").symlink_to("deep/a.txt")
    return found


def take(ithaca: ITHACA, folder: Path) -> str:
    result = ithaca("snapshots", "take", str(folder))
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def test_take_prints_the_digest_and_show_lists_the_files(ithaca: ITHACA, folder: Path) -> None:
    digest = take(ithaca, folder)
    found = json.loads(ithaca("snapshots", "show", digest[:12], "--json").stdout)
    assert found["digest"] == digest
    assert [each["path"] for each in found["entries"]] == ["deep", "deep/a.txt", "link"]
    assert "link -> deep/a.txt" in ithaca("snapshots", "show", digest).stdout


def test_snapshots_are_listed(ithaca: ITHACA, folder: Path) -> None:
    assert json.loads(ithaca("snapshots", "list", "--json").stdout) == []
    digest = take(ithaca, folder)
    assert [
        each["digest"] for each in json.loads(ithaca("snapshots", "list", "--json").stdout)
    ] == [digest]
    assert digest[:16] in ithaca("snapshots", "list").stdout


def test_diff_lists_what_was_added_removed_and_changed(ithaca: ITHACA, folder: Path) -> None:
    first = take(ithaca, folder)
    (folder / "deep" / "a.txt").write_text("b")
    (folder / "link").unlink()
    (folder / "new").write_text("new")
    second = take(ithaca, folder)
    printed = ithaca("snapshots", "diff", first, second).stdout
    assert printed.splitlines() == [
        "changed  deep/a.txt",
        "removed  link",
        "added    new",
        "1 added, 1 removed, 1 changed",
    ]
    same = ithaca("snapshots", "diff", first, first).stdout
    assert same == "no differences\n"
    found = json.loads(ithaca("snapshots", "diff", first, second, "--json").stdout)
    assert [each["kind"] for each in found] == ["changed", "removed", "added"]


def test_restore_writes_a_snapshot_into_an_empty_folder_only(ithaca: ITHACA, folder: Path) -> None:
    digest = take(ithaca, folder)
    uri = f"ithaca://local/snapshots/{digest}"
    assert ithaca("snapshots", "restore", uri, "back").exit_code == 0
    assert (folder.parent / "back" / "deep" / "a.txt").read_text() == "a"
    again = ithaca("snapshots", "restore", digest, "back")
    assert again.exit_code == 2
    assert "not empty" in again.stderr


def test_verify_finds_damaged_objects(ithaca: ITHACA, folder: Path) -> None:
    take(ithaca, folder)
    assert ithaca("snapshots", "verify").exit_code == 0
    blob = next(
        path for path in (folder.parent / ".ithaca/store/objects").rglob("*") if path.is_file()
    )
    blob.chmod(0o600)
    blob.write_bytes(b"damaged")
    damaged = ithaca("snapshots", "verify", "--json")
    assert damaged.exit_code == 4
    assert json.loads(damaged.stdout)["problems"]


def test_an_unknown_snapshot_is_exit_2(ithaca: ITHACA, folder: Path) -> None:
    take(ithaca, folder)
    assert ithaca("snapshots", "show", "0" * 64).exit_code == 2


def test_verify_finds_damaged_documents(ithaca: ITHACA, recorded: Path) -> None:
    assert ithaca("snapshots", "verify").exit_code == 0
    store = recorded / ".ithaca" / "store"
    (run,) = store.glob("runs/01JA*")
    broken = [run / "end", run / "steps" / "train" / "1" / "end", store / "keys" / ("a" * 64)]
    broken[-1].parent.mkdir(exist_ok=True)
    for path in broken:
        path.unlink(missing_ok=True)
        path.write_bytes(b'{"status": ')  # cut short by a crash of the machine
    assert ithaca("runs", "show", "01ja").exit_code == 4
    found = json.loads(ithaca("snapshots", "verify", "--json").stdout)["problems"]
    assert [each["name"] for each in found] == [
        f"keys/{'a' * 64}",
        f"runs/{run.name}/end",
        f"runs/{run.name}/steps/train/1/end",
    ]
    printed = ithaca("snapshots", "verify", "--repair")
    assert printed.exit_code == 4
    assert f"moved to damaged/keys-{'a' * 64}" in printed.stdout
    assert ithaca("snapshots", "verify").exit_code == 0
    assert "lost" in ithaca("runs", "show", "01ja").stdout


def write_values(folder: Path, **numbers: int) -> None:
    """Values as a step leaves them, each in an object of its own."""
    volume = folder / ".ithaca-volume" / "values"
    shutil.rmtree(volume, ignore_errors=True)
    for name, number in numbers.items():
        identity = f"{name}{number}"
        described = {"type": "numpy.ndarray", "shape": [number, 2], "size": 16 * number}
        document = {
            "format": 1,
            "python": "3.12",
            "names": {name: described},
            "pickle": {"size": 1, "digest": "d"},
        }
        (volume / "objects" / identity).mkdir(parents=True)
        (volume / "objects" / identity / "document.json").write_text(json.dumps(document))
        (volume / "names").mkdir(exist_ok=True)
        pointer = {"object": identity, "place": name}
        (volume / "names" / f"{name}.json").write_text(json.dumps(pointer))


def test_show_lists_values_with_their_type_shape_and_size(ithaca: ITHACA, folder: Path) -> None:
    write_values(folder, rows=3)
    digest = take(ithaca, folder)
    assert "value rows: numpy.ndarray 3 x 2, 48 B" in ithaca("snapshots", "show", digest).stdout
    (value,) = json.loads(ithaca("snapshots", "show", digest, "--json").stdout)["values"]
    assert (value["name"], value["type"], value["shape"]) == ("rows", "numpy.ndarray", [3, 2])


def test_diff_names_the_values_that_changed_and_not_their_files(
    ithaca: ITHACA, folder: Path
) -> None:
    write_values(folder, same=1, rows=3, gone=2)
    first = take(ithaca, folder)
    write_values(folder, same=1, rows=4, new=2)
    second = take(ithaca, folder)
    printed = ithaca("snapshots", "diff", first, second).stdout
    assert printed.splitlines() == [
        "removed  value gone: numpy.ndarray 2 x 2, 32 B",
        "added    value new: numpy.ndarray 2 x 2, 32 B",
        "changed  value rows: numpy.ndarray 3 x 2, 48 B → numpy.ndarray 4 x 2, 64 B",
        "1 added, 1 removed, 1 changed",
    ]
    found = json.loads(ithaca("snapshots", "diff", first, second, "--json").stdout)
    differences = {each["path"]: each for each in found}
    assert differences["value rows"]["before"]["shape"] == [3, 2]
    assert differences["value rows"]["after"]["shape"] == [4, 2]
    assert "value same" not in differences


def test_a_run_shows_the_values_of_a_step(ithaca: ITHACA, recorded: Path, folder: Path) -> None:
    write_values(folder, rows=3)
    after = take(ithaca, folder)
    store = LocalStore.open(recorded / ".ithaca" / "store")
    (run, *_) = sorted(store.list("runs"))
    end = AttemptEnd(step="end", attempt=1, ended=1.0, status="succeeded", after=after)
    store.create(names.attempt(run, "end", 1, "end"), msgspec.json.encode(end))
    printed = ithaca("runs", "show", f"{run}/end")
    assert "value rows: numpy.ndarray 3 x 2, 48 B" in printed.stdout, printed.output
    (value,) = json.loads(ithaca("runs", "show", f"{run}/end", "--json").stdout)["values"]
    assert value["name"] == "rows"


def test_a_step_whose_snapshot_is_gone_shows_no_values(ithaca: ITHACA, recorded: Path) -> None:
    run = sorted(LocalStore.open(recorded / ".ithaca" / "store").list("runs"))[0]
    assert json.loads(ithaca("runs", "show", f"{run}/load", "--json").stdout)["values"] == []


@pytest.fixture
def left(ithaca: ITHACA, recorded: Path, folder: Path) -> str:
    """`RUN/STEP` of a step that started from one file, and left another and a value."""
    before = take(ithaca, folder)
    (folder / "result.csv").write_text("1")
    write_values(folder, rows=3)
    library = (
        folder / ".ithaca-volume/environment/lib/python3.12/site-packages/cowsay-6.1.dist-info"
    )
    library.mkdir(parents=True)
    (library / "RECORD").write_text("")
    (folder / ".ithaca-volume" / "values" / "session").mkdir()
    (folder / ".ithaca-volume" / "values" / "session" / "random.json").write_text("1")
    after = take(ithaca, folder)
    store = LocalStore.open(recorded / ".ithaca" / "store")
    (run, *_) = sorted(store.list("runs"))
    end = AttemptEnd(
        step="end", attempt=1, ended=1.0, status="succeeded", before=before, after=after
    )
    store.create(names.attempt(run, "end", 1, "end"), msgspec.json.encode(end))
    return f"{run.removeprefix('runs/').rstrip('/')}/end"


def test_the_files_that_a_step_left_are_restored_by_run_and_step(
    ithaca: ITHACA, project: Path, left: str
) -> None:
    assert ithaca("snapshots", "restore", left, "out").exit_code == 0
    assert (project / "out" / "result.csv").read_text() == "1"
    assert not (project / "out" / ".ithaca-volume").exists()
    assert ithaca("snapshots", "restore", f"{left}@before", "old").exit_code == 0
    assert not (project / "old" / "result.csv").exists()
    assert ithaca("snapshots", "restore", left, "all", "--values").exit_code == 0
    assert (project / "all" / ".ithaca-volume" / "values").is_dir()


def test_show_and_diff_list_libraries_and_values_instead_of_their_files(
    ithaca: ITHACA, left: str
) -> None:
    printed = ithaca("snapshots", "show", left).stdout
    assert ".ithaca-volume" not in printed
    assert printed.splitlines()[-2:] == [
        "library cowsay 6.1",
        "value rows: numpy.ndarray 3 x 2, 48 B",
    ]
    assert ithaca("snapshots", "diff", f"{left}@before", left).stdout.splitlines() == [
        "added    result.csv",
        "added    library cowsay: 6.1",
        "added    state random",
        "added    value rows: numpy.ndarray 3 x 2, 48 B",
        "4 added",
    ]


def test_the_list_names_the_run_and_step_of_a_snapshot(ithaca: ITHACA, left: str) -> None:
    printed = ithaca("snapshots", "list").stdout
    assert f"{left}@after" in printed
    assert f"{left}@before" in printed
    found = json.loads(ithaca("snapshots", "list", "--json").stdout)
    assert {each["of"][0]["moment"] for each in found} == {"before", "after"}


def test_a_reference_without_a_snapshot_is_exit_2(ithaca: ITHACA, left: str) -> None:
    run = left.partition("/")[0]
    for reference in (f"{run}/train", "latest", f"{left}@noon", f"{run}/nothing"):
        found = ithaca("snapshots", "show", reference)
        assert found.exit_code == 2, reference
    assert (
        'step "train" failed, so it has no snapshot'
        in ithaca("snapshots", "show", f"{run}/train").stderr
    )
