"""`--store` and `--store-access` of every command that may look at a remote, and `ithaca store`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

ITHACA = Callable[..., Result]
FAILED = "01JAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture
def url(ithaca: ITHACA, recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A remote with all runs, and a project that has none."""
    monkeypatch.delenv("ITHACA_STORE", raising=False)
    monkeypatch.setenv("ITHACA_CONFIG", str(tmp_path / "config"))
    url = f"file://{tmp_path}/remote"
    assert ithaca("snapshots", "push", "--store", url).exit_code == 0
    shutil.rmtree(recorded / ".ithaca")
    return url


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("list",), FAILED),
        (("show", FAILED[:5]), "the cell failed"),
        (("show", f"{FAILED}/train"), "the cell failed"),
        (("logs", f"{FAILED}/load"), "loaded"),
        (("notebook", f"{FAILED}/load"), '"cells"'),
    ],
)
def test_runs_of_a_remote_are_shown(
    ithaca: ITHACA, url: str, arguments: tuple[str, ...], text: str
) -> None:
    nothing = ithaca("runs", *arguments, "--store", url, "--store-access", "none")
    assert nothing.stdout == ""
    shown = ithaca("runs", *arguments, "--store", url, "--store-access", "read")
    assert text in shown.stdout, shown.output


def test_without_access_only_local_runs_are_listed(
    ithaca: ITHACA, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ITHACA_STORE", url)
    assert len(json.loads(ithaca("runs", "list", "--json").stdout)) == 2
    monkeypatch.setenv("ITHACA_STORE", "file:///not/there")
    assert ithaca("runs", "list").exit_code == 4
    assert ithaca("runs", "list", "--store-access", "none").exit_code == 0


def test_a_snapshot_of_a_remote_is_shown_and_restored(
    ithaca: ITHACA, url: str, project: Path
) -> None:
    (project / "data").mkdir()
    (project / "data" / "a.txt").write_text("a")
    digest = ithaca("snapshots", "take", str(project / "data")).stdout.strip()
    assert ithaca("snapshots", "push", "--store", url).exit_code == 0
    shutil.rmtree(project / ".ithaca")
    for arguments in (("show", digest[:8]), ("diff", digest[:8], digest)):
        assert ithaca("snapshots", *arguments, "--store", url).exit_code == 0
        shutil.rmtree(project / ".ithaca")
    restored = ithaca("snapshots", "restore", digest[:8], str(project / "out"), "--store", url)
    assert restored.exit_code == 0, restored.output
    assert (project / "out" / "a.txt").read_text() == "a"


@pytest.mark.parametrize(
    ("command", "access"),
    [("push", "read"), ("push", "none"), ("pull", "none"), ("verify", "none")],
)
def test_a_command_that_needs_more_access_is_refused(
    ithaca: ITHACA, url: str, command: str, access: str
) -> None:
    result = ithaca("snapshots", command, "--store", url, "--store-access", access)
    assert result.exit_code == 2
    assert getattr(result.exception, "code", "") == "ITH920" or "ITH920" in result.stderr


def test_a_trusted_store_of_the_project_needs_no_option(
    ithaca: ITHACA, url: str, project: Path
) -> None:
    (project / "pyproject.toml").write_text(f'[tool.ithaca]\nstore = "{url}"\n')
    refused = ithaca("snapshots", "pull")
    assert refused.exit_code == 2
    assert f"ithaca store trust {url}" in refused.stderr
    assert json.loads(ithaca("runs", "list", "--json").stdout or "[]") == []
    trusted = ithaca("store", "trust", url.rpartition("/")[0])
    assert "can run code as you" in trusted.stdout
    assert len(json.loads(ithaca("runs", "list", "--json").stdout)) == 2
    assert ithaca("snapshots", "pull").exit_code == 0
    assert ithaca("store", "trusted").stdout == f"{url.rpartition('/')[0]}\n"
    assert ithaca("store", "trust", "--forget", url.rpartition("/")[0]).exit_code == 0
    assert json.loads(ithaca("store", "trusted", "--json").stdout)["trusted"] == []


@pytest.mark.parametrize("access", ["read", "none"])
def test_a_run_on_a_cluster_needs_write_access(
    ithaca: ITHACA, url: str, project: Path, write_notebook: Callable[..., str], access: str
) -> None:
    (project / "pyproject.toml").write_text('[tool.ithaca.argo]\nimage = "python:3.12"\n')
    write_notebook("nb.ipynb", ("step:load", "x = 1"))
    options = ("--backend", "argo", "--store", url, "--store-access", access)
    result = ithaca("run", "nb.ipynb", *options)
    assert result.exit_code == 2
    assert "error[ITH920]" in result.stderr
    assert "--store-access" in result.stderr
    assert not (project / ".ithaca" / "store").exists()
