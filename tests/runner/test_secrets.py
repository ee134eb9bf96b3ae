from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from step_project import Project, step

from ithaca.model.workflow import Secret
from ithaca.runner import secrets
from ithaca.store import Ignore, LocalStore, StatCache, restore, take

TOKEN = "s3cret-token"
SECRET = Secret(secret="s", key="k", env="TOKEN")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def search(folder: Path, cache: StatCache | None = None, secret: str = TOKEN) -> str | None:
    error = secrets.find(
        folder, {"TOKEN": secret}, ignore=Ignore.read(folder), cache=cache or StatCache()
    )
    return error.message if error else None


@pytest.mark.parametrize(
    "data",
    [
        TOKEN.encode(),
        b"x" * (4 << 20) + TOKEN.encode(),
        b"x" * ((4 << 20) - 3) + TOKEN.encode(),
        TOKEN.encode("utf-16-le"),
        b"abc" + TOKEN.encode("utf-32-le"),
    ],
    ids=["whole", "second chunk", "across chunks", "utf-16", "numpy"],
)
def test_a_secret_is_found_anywhere_in_a_file(folder: Path, data: bytes) -> None:
    (folder / "out.bin").write_bytes(data)
    assert search(folder) == "the file out.bin contains the secret in TOKEN"


def test_an_escaped_secret_in_json_is_found(folder: Path) -> None:
    secret = 'quoted "secret"\n'
    (folder / "out.json").write_text(json.dumps({"token": secret}))
    assert search(folder, secret=secret) is not None


def test_a_secret_in_a_file_name_is_found(folder: Path) -> None:
    (folder / f"{TOKEN}.txt").write_text("")
    assert search(folder) is not None


def test_a_short_secret_is_not_searched(folder: Path) -> None:
    (folder / "out.txt").write_text("1234567")
    assert search(folder, secret="1234567") is None


def test_unchanged_and_ignored_files_are_not_searched(folder: Path, tmp_path: Path) -> None:
    (folder / "data.txt").write_text(TOKEN)
    (folder / ".ithacaignore").write_text("scratch/\n")
    store, cache, again = LocalStore.open(tmp_path / "store"), StatCache(), tmp_path / "again"
    restore(store, take(store, folder, ignore=Ignore()).digest, again, cache=cache)
    (again / "scratch").mkdir()
    (again / "scratch" / "out.txt").write_text(TOKEN)
    assert search(again, cache) is None


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TOKEN", TOKEN)
    return TOKEN


@pytest.mark.slow
def test_a_step_that_writes_a_secret_into_a_file_fails_and_names_the_file(
    project: Project, token: str
) -> None:
    write = "import os\nopen('out.txt', 'w').write('token=' + os.environ['TOKEN'])"
    project.define(step("a", write, secrets=(SECRET,)))
    end = project.run("a")
    assert (end.status, end.retryable) == ("failed", False)
    assert end.error is not None
    assert end.error.code == "ITH518"
    assert end.error.message == "the file out.txt contains the secret in TOKEN"
    assert end.after is None


@pytest.mark.slow
def test_a_secret_in_an_array_is_an_error_that_names_the_value(
    project: Project, token: str
) -> None:
    pytest.importorskip("numpy")
    make = "import os, numpy\nrows = numpy.array([os.environ['TOKEN']] * 100_000)"
    project.define(
        step("a", make, secrets=(SECRET,), writes=("rows",)),
        step("b", "rows", needs=("a",), reads=("rows",)),
    )
    end = project.run("a")
    assert end.error is not None
    assert end.error.message == "the value rows contains the secret in TOKEN"


@pytest.mark.slow
def test_another_step_cannot_save_the_secret(project: Project, token: str) -> None:
    project.define(
        step("a", "1", secrets=(SECRET,)),
        step("b", f"open('out.txt', 'w').write({TOKEN!r})"),
    )
    end = project.run("b")
    assert end.error is not None
    assert end.error.code == "ITH518"


@pytest.mark.slow
def test_a_step_does_not_see_the_secrets_of_other_steps(project: Project, token: str) -> None:
    look = "import os\nassert os.environ.get('TOKEN') is None"
    use = "import os\nassert os.environ['TOKEN'] == " + repr(token[::-1]) + "[::-1]"
    project.define(
        step("a", use, secrets=(SECRET,)),
        step("b", look, needs=("a",)),
        step("c", use, needs=("b",), secrets=(SECRET,)),
    )
    assert [project.run(name).status for name in "abc"] == ["succeeded"] * 3
