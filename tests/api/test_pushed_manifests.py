"""Manifests that kubectl, git or a trigger may start, since what they name is in the store."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

import ithaca
from ithaca.api.manifests import manifests
from ithaca.errors import UsageError
from ithaca.records import names
from ithaca.snapshots.remotes import Remote, Shared

SETTINGS = '[tool.ithaca.argo]\nimage = "python:3.12"\n'


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("ITHACA_STORE", raising=False)
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    (root / "pyproject.toml").write_text(SETTINGS)
    (root / "data.csv").write_text("1,2\n")
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {"tags": ["step:load"]},
        "source": "x = 1",
        "outputs": [],
        "execution_count": None,
    }
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    (root / "nb.ipynb").write_text(json.dumps(content))
    return root / "nb.ipynb"


def parameters(text: str) -> dict[str, str]:
    template, _ = yaml.safe_load_all(text)
    return {each["name"]: each["value"] for each in template["spec"]["arguments"]["parameters"]}


def push(notebook: Path, **more: object) -> str:
    flags = {"store": f"file://{notebook.parent.parent}/remote"}
    return manifests(ithaca.compile(notebook), "argo", flags=flags, push=True, **more)  # type: ignore[arg-type]


def test_what_the_manifests_name_is_in_the_store(notebook: Path, tmp_path: Path) -> None:
    told = parameters(push(notebook))
    remote = Remote.open(told["ithaca-store"])
    there = Shared.attach(tmp_path / "elsewhere", remote, cache=tmp_path / "cache")
    workflow = json.loads(there.get(told["ithaca-workflow"]))
    assert workflow["name"] == "nb"
    assert there.get_snapshot(told["ithaca-source"])
    kept = there.read(names.notebook(workflow["source"]["digest"]))
    assert kept == notebook.read_bytes()


def test_a_manifest_in_the_project_does_not_change_itself(notebook: Path) -> None:
    output = notebook.parent / "argo.yaml"
    first = push(notebook, output=output)
    output.write_text(first)
    assert push(notebook, output=output) == first
    (notebook.parent / "data.csv").write_text("3,4\n")
    assert push(notebook, output=output) != first


def test_a_store_that_only_the_project_names_is_not_pushed_to(notebook: Path) -> None:
    remote = f"file://{notebook.parent.parent}/remote"
    (notebook.parent / "pyproject.toml").write_text(
        f'[tool.ithaca]\nstore = "{remote}"\n{SETTINGS}'
    )
    with pytest.raises(UsageError) as raised:
        manifests(ithaca.compile(notebook), "argo", flags={}, push=True)
    assert raised.value.code == "ITH916"


def test_the_store_that_the_user_says_goes_before_the_backends_own(notebook: Path) -> None:
    (notebook.parent / "pyproject.toml").write_text(f'{SETTINGS}store = "s3://project/says"\n')
    assert parameters(push(notebook))["ithaca-store"] == f"file://{notebook.parent.parent}/remote"
