"""Notebooks in odd places, on full disks and in folders that cannot be written."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from user_project import COMMAND, Answer, Project

pytestmark = pytest.mark.slow

CELLS = (
    ("step:first", "open('o.txt', 'w').write('1')\nx = 1"),
    ("step:second prev:first", "print(x, open('o.txt').read())"),
)


def in_namespace(project: Project, script: str) -> Answer:
    """Run a shell script in a new mount namespace; `"$@"` is the program."""
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]
    process = subprocess.Popen(
        [*command, *COMMAND],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=project.root,
        env={**os.environ, **project.env},
    )
    return project.answer(process)


@pytest.fixture
def namespaces(project: Project) -> None:
    """Skip the test if mounting is not possible."""
    try:
        works = in_namespace(project, f'mount -t tmpfs none "{project.root}"').code == 0
    except OSError:
        works = False
    if not works:
        pytest.skip("no user and mount namespaces on this machine")


def test_a_notebook_outside_git_with_an_odd_name_runs_from_any_folder(
    tmp_path: Path, project: Project
) -> None:
    project.root = tmp_path / "döf ü ☃ x"
    name = "my nötebook ☃.ipynb"
    path = project.notebook(*CELLS, name=name)
    assert project.ithaca("run", name).code == 0
    assert (project.root / ".ithaca").is_dir()
    away = project.ithaca("run", str(path), cwd="/")
    assert "second: reused" in away.out
    shown_line = next(line for line in away.out.splitlines() if " runs show " in line)
    shown = shown_line.partition(": ")[2].replace("ithaca runs", f"{' '.join(COMMAND)} runs")
    assert subprocess.run(shown, shell=True, cwd="/").returncode == 0
    link = tmp_path / "link"
    link.symlink_to(project.root)
    linked = project.ithaca("run", name, cwd=link)
    assert "second: reused" in linked.out
    assert "steps: ithaca runs show" in linked.out


def test_a_linked_notebook_belongs_to_the_folder_of_the_link(
    tmp_path: Path, project: Project
) -> None:
    path = project.notebook(*CELLS)
    other = tmp_path / "other"
    other.mkdir()
    (other / "linked.ipynb").symlink_to(path)
    project.root = other
    assert project.ithaca("run", "linked.ipynb").code == 0
    assert sorted(os.listdir(other)) == [".ithaca", "linked.ipynb"]
    assert not (path.parent / ".ithaca").exists()


def as_other_user(project: Project, *arguments: str) -> Answer:
    """Run a command line without root's rights over files."""
    mapped = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
    process = subprocess.Popen(
        [*(mapped if os.geteuid() == 0 else []), *COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=project.root,
    )
    return project.answer(process)


@pytest.mark.usefixtures("namespaces")
def test_an_unreadable_or_unwritable_path_is_named(project: Project) -> None:
    path = project.notebook(*CELLS)
    path.chmod(0)
    as_other_user(project, "run", "nb.ipynb").assert_error(
        "ITH193", "nb.ipynb", "denied", exit_code=2
    )
    path.chmod(0o644)
    project.root.chmod(0o555)
    refused = as_other_user(project, "run", "nb.ipynb")
    refused.assert_error("ITH640", str(project.root), "denied", "ITHACA_HOME", exit_code=4)
    project.root.chmod(0o755)
    data = project.root / "data.bin"
    data.touch(0)
    refused = as_other_user(project, "run", "nb.ipynb")
    refused.assert_error("ITH406", "data.bin", "denied", ".ithacaignore", exit_code=4)
    data.chmod(0o644)


@pytest.mark.usefixtures("namespaces")
def test_a_project_that_cannot_be_written_needs_another_home(
    tmp_path: Path, project: Project
) -> None:
    project.notebook(*CELLS)
    bound = 'mount --bind . . && mount -o remount,bind,ro "$PWD" && cd "$PWD"\n"$@" '
    refused = in_namespace(project, f"{bound} run nb.ipynb")
    refused.assert_error("ITH640", str(project.root), "Read-only", "ITHACA_HOME", exit_code=4)
    assert in_namespace(project, f"{bound} check nb.ipynb").code == 0
    project.env["ITHACA_HOME"] = str(tmp_path / "home")
    assert in_namespace(project, f"{bound} run nb.ipynb").code == 0
    assert sorted(os.listdir(project.root)) == [".git", "nb.ipynb"]


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize(
    ("megabytes", "fills"),
    [
        (24, "import os\nopen('big', 'wb').write(os.urandom(60 << 20))"),  # the step's folder
        (24, "!head -c 60000000 /dev/urandom > big"),  # the same, and no exception
        (24, "import os\nbig = os.urandom(16 << 20)"),  # its values
        (100, "import os\nopen('big', 'wb').write(os.urandom(60 << 20))"),  # the store
    ],
)
def test_a_step_that_fills_the_disk_reports_it_and_leaves_a_sound_store(
    tmp_path: Path, project: Project, megabytes: int, fills: str
) -> None:
    project.notebook(
        ("step:first", f"big = b''\n{fills}"), ("step:second prev:first", "print(len(big))")
    )
    home = tmp_path / "home"
    home.mkdir()
    project.env["ITHACA_HOME"] = str(home)
    answer = in_namespace(
        project,
        f'mount -t tmpfs -o size={megabytes}m none "$ITHACA_HOME"\n'
        '"$@" run nb.ipynb; code=$?\n"$@" snapshots verify\nexit $code',
    )
    assert answer.code == 1, answer.output
    assert len(answer.codes) == 1, answer.output
    assert "o space left on" in answer.out
    assert "→ " in answer.out
    assert "step `first`" in answer.out
    assert "the store is sound" in answer.out
    assert "lost" not in answer.out
