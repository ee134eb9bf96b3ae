"""Environments that are installed from a lock and restored in other places."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import environment_wheels as wheels
from ithaca.errors import BackendError, NotFound, UsageError
from ithaca.runner.environment import Environment, describe
from ithaca.runner.environments import building, kept, lock, restored
from ithaca.runner.environments.kept import Platform
from ithaca.runner.environments.restored import Place
from ithaca.runner.environments.wanted import Wanted
from ithaca.store import Ignore, LocalStore, take

pytestmark = pytest.mark.slow


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with a lock and its wheels."""
    folder = tmp_path / "project"
    wheels.write(folder / "wheels", "tinypack")
    wheels.write_kernel(folder / "wheels")
    wheels.write_lock(folder, "tinypack", "kernelpack")
    return folder


def wanted(root: Path) -> Wanted:
    found = lock.find(root)
    return Wanted("lock", lock.digest(root, found), found.path)


def run(python: str | Path, code: str) -> str:
    return subprocess.run(
        [str(python), "-c", code], capture_output=True, text=True, check=True, cwd="/"
    ).stdout.strip()


def test_the_packages_of_a_lock_are_installed_with_their_commands(
    root: Path, own: Environment, tmp_path: Path
) -> None:
    built, notices = building.build(lock.find(root), root, own, tmp_path / "e")
    assert notices == ()
    assert run(built.executable, "import tinypack; print(tinypack.VERSION)") == "1.0"
    command = tmp_path / "e" / "bin" / "tinypack-cmd"
    assert subprocess.run([command], capture_output=True, check=True).stdout == b"hello\n"


def test_a_lock_without_ipykernel_gets_it_with_a_notice(
    root: Path, own: Environment, tmp_path: Path
) -> None:
    wheels.write(root / "wheels", "ipykernel", "9.0")
    wheels.write_lock(root, "tinypack")
    built, notices = building.build(lock.find(root), root, own, tmp_path / "e")
    assert built.ipykernel == "9.0"
    assert notices == (
        "requirements.txt does not list ipykernel, which kernels need; it was installed as well",
    )


def test_a_lock_that_cannot_be_installed_reports_the_message_of_uv(
    root: Path, own: Environment, tmp_path: Path
) -> None:
    wheels.write_lock(root, "nosuchpack")
    messages: list[str] = []
    with pytest.raises(UsageError, match="nosuchpack was not found") as caught:
        building.build(lock.find(root), root, own, tmp_path / "e", say=messages.append)
    assert caught.value.code == "ITH527"
    assert any("nosuchpack" in line for line in messages)


def test_an_unreachable_index_is_an_infrastructure_error(
    root: Path, own: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "requirements.txt").write_text("--index-url http://127.0.0.1:9/simple\nnosuchpack\n")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(BackendError, match="uv cannot install"):
        building.build(lock.find(root), root, own, tmp_path / "e")


def test_the_modules_of_a_packaged_project_can_be_imported(
    root: Path, own: Environment, tmp_path: Path
) -> None:
    (root / "pyproject.toml").write_text(
        '[project]\nname = "p"\nversion = "1"\ndependencies = ["kernelpack"]\n'
        '[build-system]\nrequires = []\n[tool.uv]\nno-index = true\nfind-links = ["wheels"]\n'
    )
    (root / "src").mkdir()
    (root / "src" / "ownmodule.py").write_text("here = True\n")
    built, _ = building.build(lock.find(root), root, own, tmp_path / "e")
    assert run(built.executable, "import ownmodule; print(ownmodule.here)") == "True"


def test_an_environment_is_installed_once_and_restored_elsewhere(
    root: Path, own: Environment, tmp_path: Path
) -> None:
    store = LocalStore.open(tmp_path / "store")
    source = take(store, root, ignore=Ignore(source=True)).digest
    messages: list[str] = []
    first = Place(tmp_path / "one" / "project", tmp_path / "one" / "work")
    found = restored.prepare(store, wanted(root), own, first, source, messages.append)
    again = Place(tmp_path / "two" / "project", tmp_path / "two" / "work")
    assert restored.prepare(store, wanted(root), own, again, source, messages.append) == found
    assert not again.root.exists()
    known, base = restored.choose(store, wanted(root), [own])
    assert (known, base) == (found, own)
    restored.bring(store, known, base, again)
    python = again.python
    assert run(python, "import tinypack; print(tinypack.VERSION)") == "1.0"
    there = describe(python)
    assert there.identity == found.identity
    assert all(str(first.work) not in path for path in there.paths)
    command = again.environment / "bin" / "tinypack-cmd"
    assert command.read_text().startswith(f"#!{again.environment}/bin/python")
    assert subprocess.run([command], capture_output=True, check=True).stdout == b"hello\n"


def test_an_environment_that_was_not_installed_is_not_found(
    root: Path, own: Environment, tmp_path: Path
) -> None:
    store = LocalStore.open(tmp_path / "store")
    with pytest.raises(NotFound, match=r"no environment of requirements.txt") as caught:
        restored.choose(store, wanted(root), [own])
    assert caught.value.code == "ITH528"


def test_each_python_and_c_library_needs_its_own_environment(own: Environment) -> None:
    here = Platform.of(own)
    other = Platform(python="cpython 3.9", system=here.system, libc=here.libc)
    older = Platform(python=here.python, system=here.system, libc="glibc 2.17")
    assert len({kept.lock_name("ab", each) for each in (here, other, older)}) == 3
    assert not other.runs_on(here)
    assert older.runs_on(here)
    assert not here.runs_on(older)
