"""What `make setup` does on a machine that has nothing set but HOME and PATH."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ithaca.runner.environments import building

PROJECT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(folder: Path, home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Call make as a new user would, who has set no variable."""
    return subprocess.run(
        ["make", *words],
        cwd=folder,
        env={"HOME": str(home), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_call_of_uv_that_may_download_trusts_the_systems_certificates(
    tmp_path: Path,
) -> None:
    calls = tmp_path / "calls"
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\necho "$@" >> {shlex.quote(str(calls))}\n')
    python.chmod(0o755)
    shutil.copy(PROJECT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "requirements.lock"):
        (tmp_path / name).touch()
    for target in ("setup", "lock"):
        done = make(tmp_path, tmp_path, target, f"BIN={python.parent}", f"READY={tmp_path}/ready")
        assert done.returncode == 0, done.stderr
    downloads = [line for line in calls.read_text().splitlines() if " pip " in line]
    assert len(downloads) == 3
    assert all(line.startswith("-m uv --system-certs pip ") for line in downloads), downloads


@pytest.mark.slow
@pytest.mark.network
def test_a_new_machine_is_set_up_with_only_home_and_path(tmp_path: Path) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    home.mkdir()
    shutil.copy(PROJECT / "Makefile", project)
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "small"\nversion = "1"\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["plugin/small"]\n'
    )
    (project / "backends").mkdir()
    (project / "plugin" / "small").mkdir(parents=True)
    (project / "plugin" / "small" / "__init__.py").touch()
    lock = (PROJECT / "requirements.lock").read_text()
    pins = re.findall(r"^(?:uv|iniconfig)==.*(?:\n    .*)+\n", lock, re.MULTILINE)
    assert len(pins) == 2
    (project / "requirements.lock").write_text("".join(pins))
    done = make(project, home, "setup", f"PYTHON={sys.executable}")
    assert done.returncode == 0, done.stdout + done.stderr
    imports = [project / ".venv" / "bin" / "python", "-P", "-c", "import iniconfig, small"]
    subprocess.run(imports, check=True)


def test_environments_of_steps_trust_the_systems_certificates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = tmp_path / "ca-certificates.crt"
    monkeypatch.setattr(building, "SYSTEM_CERTIFICATES", (str(certificates),))
    assert "UV_SYSTEM_CERTS" not in building.variables({}, tmp_path, None)
    certificates.touch()
    assert building.variables({}, tmp_path, None)["UV_SYSTEM_CERTS"] == "1"
    chosen = building.variables({"UV_SYSTEM_CERTS": "0"}, tmp_path, None)
    assert chosen["UV_SYSTEM_CERTS"] == "0"
