"""Checks before a run starts, and volumes."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import Notebook

import ithaca
from ithaca.errors import UsageError
from ithaca.runs.project import find_project
from ithaca.store import entries

pytestmark = pytest.mark.slow


def test_a_step_that_reads_a_credentials_file_is_refused_until_the_file_is_included_or_ignored(
    project: Path, notebook: Notebook
) -> None:
    (project / ".env").write_text("KEY=1")
    path = notebook(("step:load", "text = open('.env').read()"))
    with pytest.raises(UsageError) as raised:
        ithaca.run(path)
    assert raised.value.code == "ITH913"
    (project / ".ithacaignore").write_text("!/.env\n")
    assert ithaca.run(path).wait().status == "succeeded"
    (project / ".ithacaignore").write_text("/.env\n")
    assert ithaca.run(path).wait().status == "failed"


def test_a_secret_in_a_parameter_is_refused_before_the_run_is_written(
    project: Path, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "hunter-22")
    path = notebook(
        ("pipeline-parameters", "key = ''"), ("step:load secret:s:k:TOKEN", "print(key)")
    )
    with pytest.raises(UsageError) as raised:
        ithaca.run(path, {"key": "hunter-22"})
    assert raised.value.code == "ITH912"
    assert not (project / ".ithaca" / "store" / "runs").exists()


def test_a_volume_in_the_project_is_mounted_and_left_out_of_snapshots(
    project: Path, notebook: Notebook
) -> None:
    (project / "raw").mkdir()
    (project / "raw" / "rows.txt").write_text("1 2 3")
    volume = {"name": "raw", "mount_path": "/project/in", "path": "raw"}
    path = notebook(
        ("step:load", "rows = open('in/rows.txt').read()\nopen('own.txt', 'w').close()"),
        ("step:show prev:load", "print(rows)"),
        ithaca={"volumes": [volume]},
    )
    run = ithaca.run(path).wait()
    assert run.status == "succeeded", run.to_json()
    assert run.logs("show").endswith("1 2 3\n")
    store = find_project().store()
    for digest in (run.steps[0].before, run.steps[1].after):
        found = {path for path in entries(store, str(digest)) if not path.startswith(".ithaca")}
        assert found <= {"own.txt"}


def test_a_claim_is_not_mounted_and_the_run_has_a_notice(project: Path, notebook: Notebook) -> None:
    volume = {"name": "shared", "mount_point": "/shared", "type": "pvc", "expose_as_env_var": True}
    path = notebook(
        ("block:load", "import os\nprint(os.environ['KALE_VOLUME_SHARED'])"),
        kubeflow_notebook={"pipeline_name": "w", "volumes": [volume]},
    )
    run = ithaca.run(path).wait()
    assert run.status == "succeeded", run.to_json()
    assert run.logs("load").endswith("/shared\n")
    assert "not mounted on this machine" in run.document.notices[0]
