"""A step installs packages into the volume for later steps, never into the user's environment."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from step_project import Project, step

from ithaca.errors import UsageError
from ithaca.runner import overlay
from ithaca.runner.environment import Environment, check_usable, describe

Wheels = Callable[..., Path]


def user_venv(folder: Path, own: Environment, *, pip: bool) -> Path:
    """A virtual environment with the packages of the tests, with or without pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    for source in (Path(path) for path in own.sites):
        for entry in source.iterdir():
            if entry.name.startswith("pip") and not pip:
                continue
            if not entry.name.startswith(("tinypack", "__pycache__", "ithaca", "_editable")):
                (site / entry.name).symlink_to(entry)
    return folder / "bin" / "python"


def listing(folder: Path) -> list[str]:
    return sorted(str(path) for path in folder.rglob("*") if "__pycache__" not in path.parts)


def check_install(project: Project, wheels: Path, install: str) -> None:
    project.define(
        step(
            "install",
            f"{install} --no-index --find-links {wheels} tinypack",
            "import tinypack, sys\nprint(tinypack.VERSION, tinypack.__file__)",
        ),
        step(
            "use",
            "import tinypack\nassert tinypack.VERSION == '1.0', tinypack\n!tinypack-cmd",
            needs=("install",),
        ),
    )
    end = project.run("install", "use")
    assert end.error is None, project.log("install") + project.log("use")
    assert "hello" in project.log("use")
    left = project.files("use")
    assert any(path.endswith("site-packages/tinypack/__init__.py") for path in left)
    assert not any(path.endswith(("pyvenv.cfg", "bin/python", "_ithaca.pth")) for path in left)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pip", "install"),
    [(True, "%pip install"), (True, "!pip install --user"), (False, "!python -m pip install")],
)
def test_pip_installs_into_the_volume(
    project: Project, own: Environment, make_wheel: Wheels, pip: bool, install: str
) -> None:
    if not pip and importlib.util.find_spec("ensurepip") is None:
        pytest.skip("this Python comes without ensurepip (Debian: python3-venv)")
    project.python = str(user_venv(project.root / ".venv", own, pip=pip))
    before = listing(project.root / ".venv")
    check_install(project, make_wheel(), install)
    assert listing(project.root / ".venv") == before


@pytest.mark.slow
def test_uv_installs_into_the_volume(
    project: Project, own: Environment, make_wheel: Wheels
) -> None:
    uv = shutil.which("uv", path=str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"])
    if uv is None:
        pytest.skip("uv is not installed")
    project.python = str(user_venv(project.root / ".venv", own, pip=True))
    check_install(project, make_wheel(), f"!{uv} --no-cache pip install")


@pytest.mark.slow
def test_a_newer_version_hides_the_users_version(
    project: Project, own: Environment, make_wheel: Wheels, tmp_path: Path
) -> None:
    python = user_venv(tmp_path / "venv", own, pip=True)
    old = make_wheel(version="0.9")
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--no-index", "--find-links", old, "tinypack"],
        check=True,
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    project.python = str(python)
    check_install(project, make_wheel(version="1.0"), "%pip install --upgrade")
    assert (site / "tinypack-0.9.dist-info").is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("python", ["/usr/bin/python3", "conda"])
def test_other_interpreters_of_this_machine_are_not_changed(
    project: Project,
    own: Environment,
    make_wheel: Wheels,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    python: str,
) -> None:
    found = shutil.which(python)
    if python == "conda" and found is not None:
        found = str(Path(found).resolve().parent.parent / "bin" / "python")
    if found is None:
        pytest.skip(f"there is no {python} here")
    if describe(found).ipykernel is None and describe(found).version[:2] == own.version[:2]:
        # Like a user without permission to install, borrow an ipykernel.
        user_venv(tmp_path / "venv", own, pip=False)
        borrowed = next((tmp_path / "venv").glob("lib/python*/site-packages"))
        monkeypatch.setenv("PYTHONPATH", str(borrowed))
    try:
        check_usable(describe(found))
    except UsageError as error:
        pytest.skip(str(error))
    project.python = found
    sites = [Path(site) for site in describe(found).sites]
    before = [listing(site) for site in sites]
    check_install(project, make_wheel(), "!pip install --user")
    assert [listing(site) for site in sites] == before


def test_the_skeleton_is_created_and_removed(own: Environment, tmp_path: Path) -> None:
    overlay.write(tmp_path, own)
    python = Path(overlay.python(str(tmp_path)))
    seen = subprocess.run(
        [python, "-c", "import sys, ipykernel; print(sys.prefix)"], capture_output=True, check=True
    )
    assert seen.stdout.decode().strip() == str(tmp_path / overlay.FOLDER)
    overlay.remove(tmp_path, own)
    assert list(tmp_path.rglob("*")) == [tmp_path / ".ithaca-volume"]


def test_removing_the_skeleton_keeps_installed_packages(own: Environment, tmp_path: Path) -> None:
    overlay.write(tmp_path, own)
    module = tmp_path / overlay.FOLDER / own.site_packages / "mine.py"
    module.write_text("")
    command = tmp_path / overlay.FOLDER / "bin" / "pip"
    command.write_text("#!python\n")
    overlay.remove(tmp_path, own)
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(kept) == sorted([module, command])
    overlay.write(tmp_path, own)
    assert command.read_text() == "#!python\n"
