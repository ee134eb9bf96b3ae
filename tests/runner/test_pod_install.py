"""An Ithaca that copies itself to where it can be moved, and runs steps from there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ithaca.runner.pod.install import install

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="pods run Linux"),
]

_ASK = """
import sys, blake3, msgspec, papermill, zmq, ithaca.runner.pod.attempt
print(sys.executable, ithaca.__file__, *sys.path, sep="\\n")
"""


def test_a_moved_copy_has_all_that_the_runner_needs_and_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    install(str(tmp_path / "first"))
    moved = (tmp_path / "first").rename(tmp_path / "moved")
    python = str(moved / "bin" / "python")
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": "/image", "LD_LIBRARY_PATH": "/image/lib"}
    done = subprocess.run(
        [python, "-P", "-c", _ASK], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    executable, *places = done.stdout.splitlines()
    assert executable == python
    assert [each for each in places if not each.startswith(str(moved))] == []


def test_what_a_copy_starts_has_the_library_path_of_the_image(tmp_path: Path) -> None:
    install(str(tmp_path / "copy"))
    env = {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": "/image/lib"}
    code = "import os; from ithaca.runner import enter; enter.put_back(); os.system('env')"
    python = str(tmp_path / "copy" / "bin" / "python")
    done = subprocess.run([python, "-P", "-c", code], env=env, capture_output=True, check=True)
    said = done.stdout.decode().splitlines()
    assert "LD_LIBRARY_PATH=/image/lib" in said
    assert not any(line.startswith("ITHACA_OUTER") for line in said)
