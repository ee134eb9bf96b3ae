"""Finding the lock of a project, and its digest."""

from __future__ import annotations

from pathlib import Path

import pytest

import environment_wheels as wheels
from ithaca.errors import UsageError
from ithaca.runner.environments import lock
from ithaca.runner.environments.wanted import Setting, Wanted, parse, setting

PROJECT = '[project]\nname = "p"\nversion = "1"\ndependencies = ["numpy"]\n'


def digest(root: Path, path: str = "") -> str:
    return lock.digest(root, lock.find(root, path))


def test_the_most_exact_lock_of_a_project_is_preferred(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("numpy\n")
    assert lock.find(tmp_path) == lock.Lock("requirements.txt", "requirements")
    (tmp_path / "pyproject.toml").write_text("[tool.ithaca]\nparallel = 1\n")
    assert lock.find(tmp_path).kind == "requirements"
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    assert lock.find(tmp_path).kind == "pyproject"
    (tmp_path / "uv.lock").write_text("version = 1\n")
    assert lock.find(tmp_path).kind == "uv"
    assert lock.find(tmp_path, "requirements.txt").kind == "requirements"


def test_a_project_without_a_lock_is_refused_with_a_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no lock found") as caught:
        lock.find(tmp_path)
    assert caught.value.code == "ITH670"
    assert "requirements.txt" in caught.value.cure


@pytest.mark.parametrize("path", ["missing.txt", "../other.txt"])
def test_a_lock_outside_the_project_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "other.txt").write_text("")
    (tmp_path / "project").mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        lock.find(tmp_path / "project", path)


def test_comments_and_the_order_of_lines_do_not_change_the_digest(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("numpy==2  # arrays\n\n# tables\npandas \\\n  >=2\n")
    first = digest(tmp_path)
    file.write_text("pandas >=2\nnumpy==2\n")
    assert digest(tmp_path) == first
    file.write_text("pandas >=2\nnumpy==3\n")
    assert digest(tmp_path) != first


@pytest.mark.parametrize("line", ["-r more.txt", "--requirement=more.txt", "-c more.txt"])
def test_included_requirements_files_change_the_digest(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.txt").write_text(f"{line}\n")
    (tmp_path / "more.txt").write_text("numpy==1\n-r requirements.txt\n")
    first = digest(tmp_path)
    (tmp_path / "more.txt").write_text("numpy==2\n-r requirements.txt\n")
    assert digest(tmp_path) != first


def test_wheels_in_the_project_change_the_digest(tmp_path: Path) -> None:
    wheels.write(tmp_path / "wheels", "tinypack")
    wheels.write_lock(tmp_path, "tinypack")
    first = digest(tmp_path)
    wheels.write(tmp_path / "wheels", "tinypack", other__txt="x")
    assert digest(tmp_path) != first


def test_the_dependencies_of_an_editable_package_change_the_digest_but_its_code_does_not(
    tmp_path: Path,
) -> None:
    (tmp_path / "requirements.txt").write_text("-e ./lib\n")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "lib" / "code.py").write_text("a = 1\n")
    first = digest(tmp_path)
    (tmp_path / "lib" / "code.py").write_text("a = 2\n")
    assert digest(tmp_path) == first
    (tmp_path / "lib" / "pyproject.toml").write_text(PROJECT.replace("numpy", "pandas"))
    assert digest(tmp_path) != first


@pytest.mark.parametrize("line", ["./lib", "lib/", "file:lib", "lib @ file://{root}/lib"])
def test_the_code_of_a_package_in_the_project_changes_the_digest(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.txt").write_text(line.format(root=tmp_path) + "\n")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "code.py").write_text("a = 1\n")
    first = digest(tmp_path)
    (tmp_path / "lib" / "code.py").write_text("a = 2\n")
    assert digest(tmp_path) != first


@pytest.mark.parametrize("line", ["numpy --config-settings a=b", "git+https://x.org/y@main"])
def test_a_line_without_a_file_changes_the_digest_as_text(tmp_path: Path, line: str) -> None:
    (tmp_path / "requirements.txt").write_text(f"{line}\n")
    first = digest(tmp_path)
    (tmp_path / "requirements.txt").write_text(f"{line}2\n")
    assert digest(tmp_path) != first


def test_only_the_installed_parts_of_a_pyproject_change_the_digest(tmp_path: Path) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_text(PROJECT)
    first = digest(tmp_path)
    file.write_text(PROJECT + "[tool.ruff]\nline-length = 100\n")
    assert digest(tmp_path) == first
    file.write_text(PROJECT + '[tool.uv]\nconstraint-dependencies = ["numpy<2"]\n')
    assert digest(tmp_path) != first


def test_the_bytes_of_a_uv_lock_change_the_digest(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "uv.lock").write_text('version = 1\n[[package]]\nname = "numpy"\n')
    first = digest(tmp_path)
    (tmp_path / "uv.lock").write_text('version = 1\n[[package]]\nname = "pandas"\n')
    assert digest(tmp_path) != first


def test_a_broken_lock_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project\n")
    with pytest.raises(UsageError, match="cannot be read") as caught:
        lock.find(tmp_path)
    assert caught.value.where.endswith("pyproject.toml")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, Setting()),
        ("image", Setting()),
        ("lock", Setting("lock")),
        ("lock:a/b.txt", Setting("lock", "a/b.txt")),
        ("capture", Setting("capture")),
    ],
)
def test_the_setting_names_the_source_of_an_environment(text: str | None, found: Setting) -> None:
    assert setting(text) == found


@pytest.mark.parametrize("text", ["lock:", "images", "capture:x", "locked:x"])
def test_an_unknown_environment_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="unknown environment"):
        setting(text)


def test_the_reference_to_an_environment_survives_a_round_trip() -> None:
    for wanted in (Wanted("lock", "ab" * 32, "a@b/re:q.txt"), Wanted("capture", "cd" * 32)):
        assert parse(str(wanted)) == wanted
    with pytest.raises(UsageError):
        parse("lock:requirements.txt")
