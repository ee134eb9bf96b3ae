"""Capturing a virtual environment for pods."""

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
def captured(root: Path, own: Environment) -> Environment:
    """The virtual environment in the project."""
    wheels.write(root / "wheels", "ipykernel", "9.0")
    built, _ = building.build(lock.find(root), root, own, root / ".venv")
    (Path(built.prefix) / built.site_packages / "own.pth").write_text(f"{root}/src\n")
    return describe(built.executable)


def packages(environment: Environment) -> Path:
    return Path(environment.prefix) / environment.site_packages


def describe_again(environment: Environment) -> Environment:
    """Describe the environment again."""
    return describe(environment.executable)


def refusal(environment: Environment, root: Path) -> str:
    with pytest.raises(UsageError) as caught:
        refuse(environment, root)
    assert caught.value.code == "ITH672"
    assert "--environment lock" in caught.value.cure
    return caught.value.message


def test_a_captured_environment_imports_the_same_modules_in_another_folder(
    root: Path, captured: Environment, own: Environment, tmp_path: Path
) -> None:
    store = LocalStore.open(tmp_path / "store")
    wanted = capture(store, captured, root)
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
    assert restored_there.identity == found.identity == captured.identity
    assert not [each for each in restored_there.paths if each.startswith(str(root))]
    command = place.environment / "bin" / "tinypack-cmd"
    assert subprocess.run([command], capture_output=True, check=True).stdout == b"hello\n"


def test_capturing_an_unchanged_environment_gives_the_same_document(
    root: Path, captured: Environment, tmp_path: Path
) -> None:
    store = LocalStore.open(tmp_path / "store")
    assert capture(store, captured, root) == capture(store, captured, root)


def test_a_capture_needs_the_c_library_of_its_wheels(
    root: Path, captured: Environment, tmp_path: Path
) -> None:
    store = LocalStore.open(tmp_path / "store")

    def needed_library() -> str:
        found = kept.find(store, capture(store, describe_again(captured), root), None)
        assert found is not None
        return found.platform.libc

    assert needed_library() == ""
    [wheel] = packages(captured).glob("tinypack-*/WHEEL")
    wheel.write_text(f"Tag: cp311-cp311-{TAG}\n")
    assert needed_library() == "glibc 2.5"
    wheel.write_text("Tag: cp311-cp311-manylinux_2_28_x86_64\n")
    assert needed_library() == "glibc 2.28"
    wheel.write_text("Tag: cp311-cp311-linux_x86_64\n")
    assert needed_library() == captured.libc


def test_another_python_refuses_a_capture_and_proposes_a_lock(
    root: Path, captured: Environment, own: Environment, tmp_path: Path
) -> None:
    store = LocalStore.open(tmp_path / "store")
    wanted = capture(store, captured, root)
    other = msgspec.structs.replace(own, version=(3, 9, 1))
    with pytest.raises(UsageError, match=r"is cpython 3\.9 on") as caught:
        restored.choose(store, wanted, [other])
    assert caught.value.code == "ITH529"
    assert "--environment lock" in caught.value.cure
    assert restored.choose(store, wanted, [other, own])[1] == own


def test_packages_outside_the_project_are_refused(
    root: Path, captured: Environment, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (packages(captured) / "more.pth").write_text(f"{tmp_path}/elsewhere\n")
    assert f"imports from {tmp_path}/elsewhere, which is outside" in refusal(
        describe_again(captured), root
    )


def test_an_editable_package_outside_the_project_is_refused(
    root: Path, captured: Environment, tmp_path: Path
) -> None:
    [info] = packages(captured).glob("tinypack-*")
    direct_url = '{"url": "file://%s/my%%20lib", "dir_info": {"editable": true}}'
    (info / "direct_url.json").write_text(direct_url % tmp_path)
    assert f"imports from {tmp_path}/my lib, which is outside" in refusal(
        describe_again(captured), root
    )
    (info / "direct_url.json").write_text(direct_url % root)
    refuse(describe_again(captured), root)


def test_a_conda_environment_is_refused(root: Path, captured: Environment) -> None:
    (Path(captured.prefix) / "conda-meta").mkdir()
    assert "it is a conda environment" in refusal(captured, root)


def test_the_systems_own_python_is_refused(root: Path, captured: Environment) -> None:
    system = msgspec.structs.replace(captured, prefix=captured.base_prefix)
    assert "it is not a virtual environment" in refusal(system, root)


def test_another_system_is_refused(root: Path, captured: Environment) -> None:
    other = msgspec.structs.replace(captured, platform="macosx-arm64")
    assert "pods run Linux" in refusal(other, root)
    musl = msgspec.structs.replace(captured, libc="")
    assert "not glibc" in refusal(musl, root)
