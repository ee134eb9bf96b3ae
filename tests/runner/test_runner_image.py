"""The steps of the runner image's Dockerfile, without a container engine."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from foreign_root import Root, reason

PROJECT = Path(__file__).parents[2]
LINES = (PROJECT / "deploy" / "runner" / "Dockerfile").read_text().splitlines()
SOURCES = [
    (source, words[-1])
    for words in (shlex.split(line)[1:] for line in LINES if line.startswith("COPY "))
    if not words[0].startswith("--from=")
    for source in words[:-1]
]


def test_the_build_context_contains_the_files_that_the_dockerfile_copies() -> None:
    lines = (PROJECT / ".dockerignore").read_text().splitlines()
    sent = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert {source for source, _ in SOURCES} == sent
    assert [each for each in sent if not (PROJECT / each).exists()] == []


def test_the_lock_contains_the_build_dependencies() -> None:
    lock = (PROJECT / "requirements.lock").read_text()
    assert re.search(r"^uv==\S+ \\\n    --hash=", lock, re.MULTILINE)
    assert re.search(r"^hatchling==", lock, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.skipif(bool(reason()), reason=reason() or "images can be entered")
def test_the_built_runner_is_copied_into_an_empty_image(
    tmp_path: Path,
) -> None:
    if not _index():
        pytest.skip("no package index can be reached")
    source, target = tmp_path / "source", tmp_path / "opt" / "ithaca"
    for name, place in SOURCES:
        _copy(PROJECT / name, tmp_path / place.lstrip("/"), inside=place.endswith("/"))
    (command,) = [line[4:] for line in LINES if line.startswith("RUN /source/")]
    command = command.replace(" /source", f" {source}").replace("/opt/ithaca", str(target))
    python = Path(getattr(sys, "_base_executable", sys.executable)).parent
    env = {**os.environ, "PATH": f"{python}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", f"{tmp_path}{command}"], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    install = ["-P", "-m", "ithaca.runner", "--install", str(tmp_path / "copy")]
    subprocess.run([str(target / "bin" / "python3"), *install], check=True)
    image = Root(tmp_path / "image")
    image.bind("/ithaca", tmp_path / "copy")
    code = "import obstore, zmq, ithaca.runner.pod.attempt"
    assert image.run("/ithaca/bin/python", "-I", "-c", code).stderr == ""
    assert image.run("/ithaca/bin/uv", "--version").stdout.startswith("uv ")


def _copy(source: Path, target: Path, *, inside: bool) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        return
    place = target / source.name if inside else target
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, place)


def _index() -> bool:
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-cache", "-"]
    done = subprocess.run(command, input="uv", capture_output=True, text=True, check=False)
    return done.returncode == 0
