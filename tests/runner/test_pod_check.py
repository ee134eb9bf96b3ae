"""The pod of `ithaca doctor` reports JSON and writes nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import warm_program
from ithaca.store.remotes import Remote


def check(tmp_path: Path, *more: str) -> tuple[int, dict[str, Any], str]:
    message = tmp_path / "termination"
    message.touch()
    options = [f"--store=file://{tmp_path}/remote", f"--work={tmp_path}/work", *more]
    done = warm_program.call_runner("--check", f"--termination={message}", *options)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), message.read_text()


def test_a_pod_that_can_run_steps_reports_its_store_and_kernel(tmp_path: Path) -> None:
    Remote.open(f"file://{tmp_path}/remote", create=True)
    code, report, message = check(tmp_path, f"--python={sys.executable}")
    assert (code, json.loads(message)) == (0, report)
    assert report["store"]["found"] == f"file://{tmp_path}/remote"
    assert "ipykernel" in report["kernel"]["found"]


def test_a_check_does_not_create_a_store(tmp_path: Path) -> None:
    (tmp_path / "remote").mkdir()
    code, report, _ = check(tmp_path, f"--python={sys.executable}")
    assert (code, report["store"]["wrong"]) == (0, "")
    assert list((tmp_path / "remote").iterdir()) == []


@pytest.mark.parametrize(
    ("what", "message", "cure"),
    [
        ("store", "cannot be reached", "check the path"),
        ("kernel", "no Python interpreter", "--python"),
    ],
)
def test_a_check_reports_problems_with_their_cures(
    tmp_path: Path, what: str, message: str, cure: str
) -> None:
    code, report, _ = check(tmp_path, "--python=/no/such/python")
    assert code == 1
    assert message in report[what]["wrong"]
    assert cure in report[what]["cure"]
