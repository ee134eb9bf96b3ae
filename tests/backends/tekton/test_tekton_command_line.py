"""`ithaca compile --backend tekton`, and one file for each object."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import yaml

NOTEBOOK = Path(__file__).parents[2] / "compiling" / "corpus"


def ithaca(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ithaca", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def project(folder: Path) -> Path:
    name = sorted(NOTEBOOK.glob("*.ipynb"))[0]
    (folder / "nb.ipynb").write_bytes(name.read_bytes())
    (folder / "pyproject.toml").write_text(
        '[tool.ithaca]\nstore = "s3://b/p"\nimage = "python:3.12"\n'
        '[tool.ithaca.tekton.volume_claims]\nimages = "images"\n'
    )
    return folder


def test_one_file_is_written_for_each_object_and_is_not_part_of_the_source(tmp_path: Path) -> None:
    folder = project(tmp_path)
    printed = ithaca(folder, "compile", "nb.ipynb", "--backend", "tekton")
    assert printed.returncode == 0, printed.stderr
    documents = list(yaml.safe_load_all(printed.stdout))
    assert [each["kind"] for each in documents] == ["Task", "Task", "Pipeline", "PipelineRun"]
    texts = []
    for _ in range(2):  # the files of the first time change nothing the second time
        done = ithaca(
            folder, "compile", "nb.ipynb", "--backend", "tekton", "--output-dir", "deploy/tekton"
        )
        assert done.returncode == 0, done.stderr
        written = sorted((folder / "deploy" / "tekton").iterdir())
        assert [each.name for each in written] == [
            "pipeline-nb.yaml",
            "pipelinerun-nb.yaml",
            "task-nb--end.yaml",
            "task-nb--step.yaml",
        ]
        by_kind = {path.name.split("-")[0]: yaml.safe_load(path.read_text()) for path in written}
        assert by_kind["pipelinerun"] == documents[3]
        texts.append([each.read_text() for each in written])
    assert texts[0] == texts[1]


def test_a_folder_is_only_for_the_manifests_of_a_backend(tmp_path: Path) -> None:
    done = ithaca(project(tmp_path), "compile", "nb.ipynb", "--output-dir", "x")
    assert done.returncode == 2
    assert "--output-dir works with manifests only" in done.stderr
