"""`ithaca doctor` on this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

ITHACA = Callable[..., Result]


def checks(done: Result) -> dict[str, dict[str, str]]:
    return {each["what"]: each for each in json.loads(done.stdout)["checks"]}


def test_all_checks_pass_on_a_machine_that_runs_notebooks(ithaca: ITHACA, recorded: Path) -> None:
    done = ithaca("doctor")
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith("all checks passed\n")
    assert sys.executable in done.stdout
    assert "2 runs" in done.stdout


def test_doctor_changes_nothing(ithaca: ITHACA, project: Path) -> None:
    assert checks(ithaca("doctor", "--json"))["store"]["found"].startswith("none yet")
    assert [path.name for path in project.iterdir()] == [".git"]


def test_a_failed_check_prints_its_cure_and_sets_the_exit_code(
    ithaca: ITHACA, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (recorded / ".ithaca" / "store" / "version").chmod(0o644)
    (recorded / ".ithaca" / "store" / "version").write_text("something else")
    monkeypatch.setenv("ITHACA_PYTHON", "no-such-python")
    done = ithaca("doctor")
    assert done.exit_code == 4
    assert "2 checks failed" in done.stdout
    assert "failed  kernel: no Python interpreter at no-such-python\n  → give" in done.stdout
    assert "failed  store: this folder is not a store" in done.stdout
    found = json.loads(ithaca("doctor", "--json").stdout)
    assert found["well"] is False


def test_a_wrong_setting_is_a_failed_check(ithaca: ITHACA, project: Path) -> None:
    (project / "pyproject.toml").write_text('[tool.ithaca.local]\nmemory = "much"\n')
    found = checks(ithaca("doctor", "--json"))["machine"]
    assert found["status"] == "failed"
    assert "local.memory" in found["found"]


def test_a_machine_without_user_namespaces_is_a_warning(
    ithaca: ITHACA, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ithaca.runner.root.can_be_private", lambda _root: False)
    done = ithaca("doctor")
    assert done.exit_code == 0
    assert "warning paths: this machine allows no user namespaces" in done.stdout


def test_an_unknown_backend_is_exit_2(ithaca: ITHACA) -> None:
    done = ithaca("doctor", "--backend", "nomad")
    assert done.exit_code == 2
    assert "unknown backend `nomad`" in done.stderr


def test_an_unreachable_cluster_is_one_failed_check(
    ithaca: ITHACA, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "pyproject.toml").write_text('[tool.ithaca.argo]\nimage = "x:1"\n')
    monkeypatch.setenv("KUBECONFIG", str(project / "none"))
    monkeypatch.delenv("ITHACA_STORE", raising=False)
    done = ithaca("doctor", "--backend", "argo", "--json")
    assert done.exit_code == 4
    found = checks(done)
    assert [each for each in found.values() if each["status"] == "failed"] == [
        found["store, from here"],
        found["cluster"],
    ]
    assert "ITHACA_STORE" in found["store, from here"]["cure"]
