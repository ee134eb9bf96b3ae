"""What a pod says of itself when `ithaca doctor` asks: JSON, and nothing is written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ithaca.store.remotes import Remote


def check(tmp_path: Path, *more: str) -> tuple[int, dict[str, Any], str]:
    said = tmp_path / "termination"
    said.touch()
    options = [f"--store=file://{tmp_path}/remote", f"--work={tmp_path}/work", *more]
    done = subprocess.run(
        [sys.executable, "-m", "ithaca.runner", "--check", f"--termination={said}", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), said.read_text()


def test_a_pod_that_could_run_a_step_says_what_it_has(tmp_path: Path) -> None:
    Remote.open(f"file://{tmp_path}/remote", create=True)
    code, told, message = check(tmp_path, f"--python={sys.executable}")
    assert (code, json.loads(message)) == (0, told)
    assert told["store"]["found"] == f"file://{tmp_path}/remote"
    assert "ipykernel" in told["kernel"]["found"]


def test_a_place_without_a_store_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    code, told, _ = check(tmp_path, f"--python={sys.executable}")
    assert (code, told["store"]["wrong"]) == (0, "")
    assert list((tmp_path / "remote").iterdir()) == []


@pytest.mark.parametrize(
    ("what", "said", "cure"),
    [
        ("store", "cannot be reached", "check the path"),
        ("kernel", "no Python interpreter", "--python"),
    ],
)
def test_what_is_wrong_is_said_with_its_cure(
    tmp_path: Path, what: str, said: str, cure: str
) -> None:
    code, told, _ = check(tmp_path, "--python=/no/such/python")
    assert code == 1
    assert said in told[what]["wrong"]
    assert cure in told[what]["cure"]
