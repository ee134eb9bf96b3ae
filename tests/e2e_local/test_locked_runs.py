"""Local runs with the packages of a lock."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import Notebook

import environment_wheels as wheels
import ithaca

pytestmark = pytest.mark.slow


@pytest.fixture
def locked(project: Path, notebook: Notebook) -> Path:
    """A notebook whose step imports a package of the lock."""
    wheels.write(project / "wheels", "tinypack")
    wheels.write_kernel(project / "wheels")
    wheels.write_lock(project, "tinypack", "kernelpack")
    return notebook(("step:a", "import tinypack\nversion = tinypack.VERSION\nprint(version)"))


def test_a_lock_is_installed_once_for_all_local_runs(locked: Path, project: Path) -> None:
    first = ithaca.run(locked, environment="lock").wait()
    assert first.status == "succeeded", first.to_json()
    assert "1.0" in first.logs("a")
    [ready] = (project / ".ithaca" / "environments").glob("*/ithaca-environment.json")
    made = ready.stat().st_mtime_ns
    second = ithaca.run(locked, environment="lock:requirements.txt").wait()
    assert [step.status for step in second.steps] == ["reused"]
    assert ready.stat().st_mtime_ns == made


def test_changing_a_version_in_the_lock_changes_the_environment(
    locked: Path, project: Path
) -> None:
    ithaca.run(locked, environment="lock").wait()
    (project / "wheels" / "tinypack-1.0-py3-none-any.whl").unlink()
    wheels.write(project / "wheels", "tinypack", "2.0")
    second = ithaca.run(locked, environment="lock").wait()
    assert second.status == "succeeded", second.to_json()
    assert "2.0" in second.logs("a")


def test_a_retry_installs_the_current_lock(locked: Path, project: Path) -> None:
    wheels.write_lock(project, "kernelpack")
    failed = ithaca.run(locked, environment="lock").wait()
    assert failed.status == "failed"
    wheels.write_lock(project, "tinypack", "kernelpack")
    again = failed.retry().wait()
    assert again.status == "succeeded", again.to_json()
