"""The virtual environment that is there, taken for pods."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

import environment_wheels as wheels
from ithaca.errors import UsageError
from ithaca.runner.environment import Environment, describe
from ithaca.runner.environments import building, kept, lock, restored
from ithaca.runner.environments.capture import capture, refuse
from ithaca.runner.environments.restored import Place
from ithaca.store import LocalStore

pytestmark = pytest.mark.slow

TAG = "manylinux_2_5_x86_64.manylinux1_x86_64"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project whose virtual environment imports a module of the project."""
    folder = tmp_path / "project"
    wheels.write(folder / "wheels", "tinypack")
    wheels.write_lock(folder, "tinypack")
    (folder / "src").mkdir()
    (folder / "src" / "ownmodule.py").write_text("here = True\n")
    return folder


@pytest.fixture
def there(root: Path, own: Environment) -> Environment:
    """Its virtual environment, which lies in the project."""
    wheels.write(root / "wheels", "ipykernel", "9.0")
    built, _ = building.build(lock.find(root), root, own, root / ".venv")
    (Path(built.prefix) / built.site_packages / "own.pth").write_text(f"{root}/src\n")
    return describe(built.executable)


def packages(environment: Environment) -> Path:
    return Path(environment.prefix) / environment.site_packages


def again(environment: Environment) -> Environment:
    """What it is now."""
    return describe(environment.executable)


def refusal(environment: Environment, root: Path) -> str:
    with pytest.raises(UsageError) as caught:
        refuse(environment, root)
    assert caught.value.code == "ITH672"
    assert "--environment lock" in caught.value.cure
    return caught.value.message


def test_a_captured_environment_imports_the_same_in_another_place(
    root: Path, there: Environment, own: Environment, tmp_path: Path
) -> None:
    store = LocalStore.open(tmp_path / "store")
    wanted = capture(store, there, root)
    place = Place(tmp_path / "pod", tmp_path / "work")
    (place.root / "src").mkdir(parents=True)
    (place.root / "src" / "ownmodule.py").write_text("here = False\n")
    found, base = restored.choose(store, wanted, [own])
    restored.bring(store, found, base, place)
    python = place.python
    code = "import tinypack, ownmodule; print(tinypack.VERSION, ownmodule.here)"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1.0 False\n"
    restored_there = describe(python)
    assert restored_there.identity == found.identity == there.identity
    assert not [each for each in restored_there.paths if each.startswith(str(root))]
    command = place.environment / "bin" / "tinypack-cmd"
    assert subprocess.run([command], capture_output=True, check=True).stdout == b"hello\n"


def test_a_capture_is_the_same_document_when_nothing_changed(
    root: Path, there: Environment, tmp_path: Path
) -> None:
    store = LocalStore.open(tmp_path / "store")
    assert capture(store, there, root) == capture(store, there, root)


def test_wheels_say_which_c_library_a_capture_needs(
    root: Path, there: Environment, tmp_path: Path
) -> None:
    store = LocalStore.open(tmp_path / "store")

    def needed() -> str:
        found = kept.find(store, capture(store, again(there), root), None)
        assert found is not None
        return found.platform.libc

    assert needed() == ""
    [wheel] = packages(there).glob("tinypack-*/WHEEL")
    wheel.write_text(f"Tag: cp311-cp311-{TAG}\n")
    assert needed() == "glibc 2.5"
    wheel.write_text("Tag: cp311-cp311-manylinux_2_28_x86_64\n")
    assert needed() == "glibc 2.28"
    wheel.write_text("Tag: cp311-cp311-linux_x86_64\n")
    assert needed() == there.libc


def test_another_python_refuses_a_capture_and_proposes_a_lock(
    root: Path, there: Environment, own: Environment, tmp_path: Path
) -> None:
    store = LocalStore.open(tmp_path / "store")
    wanted = capture(store, there, root)
    other = msgspec.structs.replace(own, version=(3, 9, 1))
    with pytest.raises(UsageError, match=r"is cpython 3\.9 on") as caught:
        restored.choose(store, wanted, [other])
    assert caught.value.code == "ITH529"
    assert "--environment lock" in caught.value.cure
    assert restored.choose(store, wanted, [other, own])[1] == own


def test_packages_that_lie_outside_of_the_project_are_refused(
    root: Path, there: Environment, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (packages(there) / "more.pth").write_text(f"{tmp_path}/elsewhere\n")
    assert f"imports from {tmp_path}/elsewhere, which is outside" in refusal(again(there), root)


def test_an_editable_package_outside_of_the_project_is_refused(
    root: Path, there: Environment, tmp_path: Path
) -> None:
    [info] = packages(there).glob("tinypack-*")
    told = '{"url": "file://%s/my%%20lib", "dir_info": {"editable": true}}'
    (info / "direct_url.json").write_text(told % tmp_path)
    assert f"imports from {tmp_path}/my lib, which is outside" in refusal(again(there), root)
    (info / "direct_url.json").write_text(told % root)
    refuse(again(there), root)


def test_a_conda_environment_is_refused(root: Path, there: Environment) -> None:
    (Path(there.prefix) / "conda-meta").mkdir()
    assert "it is a conda environment" in refusal(there, root)


def test_the_systems_own_python_is_refused(root: Path, there: Environment) -> None:
    system = msgspec.structs.replace(there, prefix=there.base_prefix)
    assert "it is not a virtual environment" in refusal(system, root)


def test_another_system_is_refused(root: Path, there: Environment) -> None:
    other = msgspec.structs.replace(there, platform="macosx-arm64")
    assert "pods run Linux" in refusal(other, root)
    musl = msgspec.structs.replace(there, libc="")
    assert "not glibc" in refusal(musl, root)
