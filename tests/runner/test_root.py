"""The path at which a step sees its root."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from step_project import Project, step

from ithaca.runner import root as roots
from ithaca.runner.environment import Environment, describe
from ithaca.runner.root import View, choose, mount_points


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A project root, a step's folder in it, and a runtime folder."""
    root, work, runtime = tmp_path / "p", tmp_path / "p" / ".ithaca" / "root", tmp_path / "r"
    for folder in (work, runtime):
        folder.mkdir(parents=True)
    (work / "restored").touch()
    return root, work, runtime


def enter(view: View, code: str, folder: str = ".") -> str:
    """Run Python code in a view."""
    config = {**msgspec.to_builtins(view), "owner_fd": None, "folder": folder}
    encoded = msgspec.json.encode(config).decode()
    with mount_points(view):
        return subprocess.run(
            [sys.executable, "-I", str(roots.ENTER), encoded, "--", sys.executable, "-c", code],
            capture_output=True,
            check=True,
            text=True,
        ).stdout.strip()


def skip_without_namespaces(view: View) -> None:
    if not view.private:
        pytest.skip("this machine has no user and mount namespaces")


def test_a_step_sees_its_folder_at_the_path_of_the_project(
    own: Environment, folders: tuple[Path, Path, Path]
) -> None:
    root, work, runtime = folders
    view = choose(root, work, own, runtime)
    skip_without_namespaces(view)
    seen = enter(view, "import os; print(os.getcwd(), os.listdir())")
    assert seen == f"{root} ['restored']"
    assert sorted(path.name for path in root.iterdir()) == [".ithaca"]


def test_an_environment_in_the_project_stays_visible_and_complete(
    folders: tuple[Path, Path, Path],
) -> None:
    root, work, runtime = folders
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", root / ".venv"], check=True)
    view = choose(root, work, describe(root / ".venv" / "bin" / "python"), runtime)
    skip_without_namespaces(view)
    assert view.keep == ((str(root / ".venv"), True),)
    code = (
        "import os\n"
        "try: open('.venv/new', 'w')\n"
        "except OSError as error: print(error.strerror, os.path.exists('.venv/pyvenv.cfg'))"
    )
    assert enter(view, code) == "Read-only file system True"
    assert not (root / ".venv" / "new").exists()
    assert [path.name for path in work.iterdir()] == ["restored"]


def test_a_project_that_is_its_own_environment_is_not_hidden(
    own: Environment, folders: tuple[Path, Path, Path]
) -> None:
    root, work, runtime = folders
    view = choose(root, work, msgspec.structs.replace(own, prefix=str(root)), runtime)
    assert not view.private
    assert view.seen == str(work)


@pytest.mark.slow
def test_without_namespaces_a_step_runs_at_the_path_of_its_folder(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roots, "_works", lambda view: False)
    project.define(step("a", "import os\nprint(os.getcwd())\nopen('f', 'w').write('x')"))
    end = project.run("a")
    assert end.error is None
    assert "/.ithaca/work/a-1/root" in project.log("a")
    assert project.files("a") == ["f"]
