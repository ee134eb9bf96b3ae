from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

ITHACA = Callable[..., Result]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.delenv("ITHACA_STORE", raising=False)
    return f"file://{tmp_path}/remote"


@pytest.fixture
def digest(ithaca: ITHACA, project: Path) -> str:
    (project / "data").mkdir()
    (project / "data" / "a.txt").write_text("a")
    return ithaca("snapshots", "take", str(project / "data")).stdout.strip()


def test_what_was_pushed_can_be_pulled_into_an_empty_project(
    ithaca: ITHACA, project: Path, digest: str, url: str
) -> None:
    sent = ithaca("snapshots", "push", digest[:8], "--store", url)
    assert sent.exit_code == 0, sent.output
    assert sent.stdout.startswith("sent 1 snapshots, 3 objects, 0 documents: ")
    shutil.rmtree(project / ".ithaca")
    fetched = ithaca("snapshots", "pull", digest[:8], "--store", url, "--json")
    assert json.loads(fetched.stdout)["snapshots"] == 1
    assert ithaca("snapshots", "verify").exit_code == 0
    assert ithaca("snapshots", "restore", digest, str(project / "again")).exit_code == 0
    assert (project / "again" / "a.txt").read_text() == "a"


def test_everything_is_transferred_when_nothing_is_named(
    ithaca: ITHACA, recorded: Path, digest: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ITHACA_STORE", url)
    assert ithaca("snapshots", "push").exit_code == 0
    again = json.loads(ithaca("snapshots", "push", "--json").stdout)
    assert (again["snapshots"], again["documents"]) == (0, 0)
    before = ithaca("runs", "list", "--json").stdout
    shutil.rmtree(recorded / ".ithaca")
    fetched = ithaca("snapshots", "pull")
    assert fetched.exit_code == 0, fetched.output
    assert "missing snapshots and documents: 5555555555555555" in fetched.stderr
    assert ithaca("runs", "list", "--json").stdout == before
    assert ithaca("snapshots", "show", digest).exit_code == 0


def test_verify_finds_damage_in_a_remote(
    ithaca: ITHACA, project: Path, digest: str, url: str, tmp_path: Path
) -> None:
    ithaca("snapshots", "push", "--store", url)
    assert ithaca("snapshots", "verify", "--store", url).exit_code == 0
    (pack,) = (path for path in (tmp_path / "remote" / "packs").rglob("*") if path.is_file())
    pack.write_bytes(pack.read_bytes()[:-1] + b"?")
    found = ithaca("snapshots", "verify", "--store", url, "--json")
    assert found.exit_code == 4
    assert json.loads(found.stdout)["problems"]
    assert ithaca("snapshots", "verify", "--store", url, "--repair").exit_code == 2


def test_push_and_pull_need_a_remote(ithaca: ITHACA, digest: str, url: str) -> None:
    assert ithaca("snapshots", "push").exit_code == 2
    assert ithaca("snapshots", "pull").exit_code == 2
