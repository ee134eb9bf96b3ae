"""Manifests that kubectl, git or a trigger may start, since what they name is in the store."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import yaml

import ithaca
import warm_program
from ithaca.errors import UsageError
from ithaca.records import names
from ithaca.runs import manifests as module
from ithaca.runs.project import find_project
from ithaca.runs.remotes import send
from ithaca.store import LocalStore, SharedStore
from ithaca.store.naming import DOCUMENTS, SNAPSHOTS
from ithaca.store.remotes import Remote
from ithaca.store.remotes.layout import place
from notebooks import write_notebook

SETTINGS = '[tool.ithaca.argo]\nimage = "python:3.12"\n'


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("ITHACA_STORE", raising=False)
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    (root / "pyproject.toml").write_text(SETTINGS)
    (root / "data.csv").write_text("1,2\n")
    return write_notebook(root / "nb.ipynb", ("step:load", "x = 1"))


def manifests(workflow: ithaca.Workflow, backend: str, **more: object) -> str:
    """What `ithaca compile` prints."""
    return "".join(each.text for each in module.manifests(workflow, backend, **more))  # type: ignore[arg-type]


def parameters(text: str) -> dict[str, str]:
    template, _ = yaml.safe_load_all(text)
    return {each["name"]: each["value"] for each in template["spec"]["arguments"]["parameters"]}


def push(notebook: Path, **more: object) -> str:
    flags = {"store": f"file://{notebook.parent.parent}/remote"}
    return manifests(ithaca.compile(notebook), "argo", flags=flags, push=True, **more)


def test_what_the_manifests_name_is_in_the_store(notebook: Path, tmp_path: Path) -> None:
    told = parameters(push(notebook))
    remote = Remote.open(told["ithaca-store"])
    there = SharedStore(LocalStore.open(tmp_path / "elsewhere"), remote, cache=tmp_path / "cache")
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


def test_without_a_push_the_digests_are_the_same_and_no_remote_is_touched(notebook: Path) -> None:
    remote = notebook.parent.parent / "remote"
    flags = {"store": f"file://{remote}"}
    printed = manifests(ithaca.compile(notebook), "argo", flags=flags)
    assert not remote.exists()
    assert {path.name for path in notebook.parent.iterdir()} == {
        *(".git", ".ithaca", "pyproject.toml", "data.csv", "nb.ipynb")
    }
    assert parameters(printed)["ithaca-source"]
    assert push(notebook) == printed


def test_what_manifests_name_can_be_sent_later(notebook: Path) -> None:
    flags = {"store": f"file://{notebook.parent.parent}/remote"}
    told = parameters(manifests(ithaca.compile(notebook), "argo", flags=flags))
    send(find_project(notebook.parent), flags["store"])
    there = Remote.open(flags["store"])
    assert there.exists(place(SNAPSHOTS, told["ithaca-source"]))
    assert there.exists(place(DOCUMENTS, told["ithaca-workflow"]))


@pytest.mark.parametrize(
    ("lacks", "said"),
    [("workflow", "has no workflow"), ("source", "has no source snapshot")],
)
def test_a_pod_that_does_not_find_what_they_name_says_how_to_send_it(
    notebook: Path, tmp_path: Path, lacks: str, said: str
) -> None:
    told = {**parameters(push(notebook)), f"ithaca-{lacks}": "0" * 64}
    options = [f"--{each}={told[f'ithaca-{each}']}" for each in ("store", "workflow", "source")]
    options += ["--engine=argo/a/b/c", "--created=2026-01-02T03:04:05Z", "--step=load"]
    options += [f"--work={tmp_path}/work", f"--root={tmp_path}/root"]
    done = warm_program.call_runner(*options)
    assert done.returncode == 65
    assert said in done.stderr
    assert "--backend argo --push`" in done.stderr


@pytest.mark.parametrize("name", ["argo.yaml", "argo [1].yaml", "sub/../argo.yaml", "link.yaml"])
def test_the_file_that_is_written_is_no_part_of_the_source(notebook: Path, name: str) -> None:
    root = notebook.parent
    (root / "sub").mkdir()
    (root / "link.yaml").symlink_to("target.yaml")
    workflow, flags = ithaca.compile(notebook), {"store": "s3://bucket/prefix"}
    first = manifests(workflow, "argo", flags=flags, output=root / name)
    (root / name).write_text(first)
    assert manifests(workflow, "argo", flags=flags, output=root / name) == first


def test_a_clone_of_the_project_has_the_same_manifests(notebook: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(notebook.parent, clone, copy_function=shutil.copyfile)
    os.utime(clone / "data.csv", (1, 1))
    flags = {"store": "s3://bucket/prefix"}
    first, second = (
        manifests(ithaca.compile(each), "argo", flags=flags)
        for each in (notebook, clone / notebook.name)
    )
    assert first == second


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


def test_manifests_name_a_lock_by_its_digest(notebook: Path) -> None:
    (notebook.parent / "requirements.txt").write_text("numpy==2\n")

    def environment() -> str:
        flags = {"store": "s3://bucket/prefix", "environment": "lock"}
        template, _ = yaml.safe_load_all(manifests(ithaca.compile(notebook), "argo", flags=flags))
        [load] = [each for each in template["spec"]["templates"] if each["name"] == "load"]
        [told] = [each for each in load["container"]["args"] if each.startswith("--environment=")]
        return str(told)

    first = environment()
    assert first.startswith("--environment=lock:requirements.txt@")
    (notebook.parent / "requirements.txt").write_text("# arrays\nnumpy==2\n")
    assert environment() == first
    (notebook.parent / "requirements.txt").write_text("numpy==3\n")
    assert environment() != first


def test_manifests_cannot_name_a_captured_environment_that_is_not_sent(notebook: Path) -> None:
    flags = {"store": "s3://bucket/prefix", "environment": "capture"}
    with pytest.raises(UsageError, match="must be pushed to the store") as caught:
        manifests(ithaca.compile(notebook), "argo", flags=flags)
    assert caught.value.code == "ITH690"
    assert "--push" in caught.value.cure


def test_a_backends_own_table_says_where_environments_come_from(notebook: Path) -> None:
    (notebook.parent / "pyproject.toml").write_text(SETTINGS + 'environment = "capture"\n')
    with pytest.raises(UsageError, match="must be pushed to the store"):
        manifests(ithaca.compile(notebook), "argo", flags={"store": "s3://bucket/prefix"})
