"""`ithaca compile NB --backend argo` on the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from ithaca.cli.program import program

CORPUS = Path(__file__).parents[2] / "compiling" / "corpus"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("STORE", "IMAGE", "NAMESPACE", "PARALLEL", "INFRASTRUCTURE_RETRIES"):
        monkeypatch.delenv(f"ITHACA_{name}", raising=False)
    (tmp_path / ".git").mkdir()
    shutil.copy(CORPUS / "chain.ipynb", tmp_path / "chain.ipynb")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compile_(*arguments: str) -> list[dict]:
    done = CliRunner().invoke(program, ["compile", "chain.ipynb", "--backend", "argo", *arguments])
    assert done.exit_code == 0, done.exception
    return list(yaml.safe_load_all(done.stdout))


def test_a_template_and_a_workflow_that_refers_to_it_are_printed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ITHACA_STORE", "s3://bucket")
    monkeypatch.setenv("ITHACA_IMAGE", "python:3.12")
    template, workflow = compile_()
    assert (template["kind"], workflow["kind"]) == ("WorkflowTemplate", "Workflow")
    assert workflow["spec"]["workflowTemplateRef"]["name"] == template["metadata"]["name"]
    assert {each.name for each in project.iterdir()} == {".git", ".ithaca", "chain.ipynb"}


def test_plain_settings_reach_the_manifests_and_the_backends_own_win(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "pyproject.toml").write_text(
        "[tool.ithaca]\nstore = 's3://a'\nimage = 'a:1'\nnamespace = 'a'\nparallel = 3\n"
        "service-account = 'me'\n[tool.ithaca.argo]\nimage = 'b:1'\n"
    )
    monkeypatch.setenv("ITHACA_INFRASTRUCTURE_RETRIES", "5")
    spec = compile_()[0]["spec"]
    pod = spec["templates"][1]
    assert spec["arguments"]["parameters"][0]["value"] == "s3://a"
    assert pod["container"]["image"] == "b:1"
    assert (spec["parallelism"], spec["serviceAccountName"]) == (3, "me")
    assert pod["retryStrategy"]["limit"] == 5


def test_a_project_without_a_store_learns_how_to_set_one(project: Path) -> None:
    done = CliRunner().invoke(program, ["compile", "chain.ipynb", "--backend", "argo"])
    assert done.exit_code == 2
    assert "ITH651" in done.output
