"""Whole manifests: golden files, the schemas, sizes, and the same bytes every time."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from argo_workflows import EVERY, PLAIN, emitted, run, workflow
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from cluster_schemas import problems
from ithaca.compiling.compile import compile as compiled
from ithaca.model.run import PlannedStep
from ithaca.model.workflow import Step, Workflow
from ithaca_argo import ArgoBackend

HERE = Path(__file__).parent
SHARED = HERE.parents[1] / "compiling" / "corpus"
NOTEBOOKS = {
    **{path.stem: path for path in sorted(SHARED.glob("*.ipynb"))},
    "composed": SHARED / "composed" / "main.ipynb",
    "every_tag": HERE / "corpus" / "every_tag.ipynb",
}
CLAIMS = {"volume_claims": {"images": "images"}}


class GoldenManifests(SingleFileSnapshotExtension):
    """One `.yaml` a notebook, which can be read and compared as what `ithaca compile` prints."""

    _write_mode = WriteMode.TEXT
    file_extension = "yaml"


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(GoldenManifests)


def compile_(name: str) -> Workflow:
    path = NOTEBOOKS[name]
    return compiled(path, root=SHARED if path.is_relative_to(SHARED) else path.parent)


def every() -> Workflow:
    """A workflow whose steps have all that the settings name."""
    return workflow(Step(name="load"), Step(name="train", needs=("load",), timeout=30.0))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_of_the_corpus_has_the_golden_manifests(
    name: str, golden: SnapshotAssertion
) -> None:
    assert ArgoBackend({**PLAIN, **CLAIMS}).emit(compile_(name)) == golden


def test_every_setting_has_the_golden_manifests(golden: SnapshotAssertion) -> None:
    assert ArgoBackend(EVERY).emit(every()) == golden


def test_a_planned_run_has_the_golden_manifest(golden: SnapshotAssertion) -> None:
    planned = run(PlannedStep(step="load", action="reuse", execution="e" * 64))
    assert ArgoBackend(PLAIN).emit(workflow(), planned) == golden


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_schemas_take_the_manifests_of_the_corpus(name: str) -> None:
    for document in emitted(compile_(name), **CLAIMS):
        assert problems("argo", document) == []


def test_the_schemas_take_every_setting_and_a_planned_run() -> None:
    documents = [*emitted(every(), **EVERY), *emitted(every(), run(), **EVERY)]
    for document in documents:
        assert problems("argo", document) == []


def test_the_schemas_refuse_a_field_that_there_is_not() -> None:
    document = copy.deepcopy(emitted()[0])
    document["spec"]["templates"][1]["retryStrat"] = {}
    assert any("retryStrat" in each for each in problems("argo", document))


def large(steps: int) -> Workflow:
    first = Step(name="step_0", timeout=60.0, retries=1)
    rest = [
        Step(name=f"step_{i}", needs=(f"step_{i - 1}",), timeout=60.0, retries=1)
        for i in range(1, steps)
    ]
    return workflow(first, *rest)


@pytest.mark.parametrize("steps", [40, 100, 500])
def test_the_object_of_a_notebook_with_many_steps_stays_below_256_kib(steps: int) -> None:
    documents = emitted(large(steps), **EVERY_FOR_LARGE)
    for document in (*documents, *emitted(large(steps), planned=run())):
        assert len(json.dumps(document)) < 256 * 1024
        assert len(yaml.safe_dump(document)) < 256 * 1024


EVERY_FOR_LARGE: dict[str, Any] = {name: EVERY[name] for name in EVERY if name != "steps"}


def test_steps_that_are_alike_share_a_template_only_where_there_are_very_many() -> None:
    few = emitted(large(3))[0]["spec"]["templates"]
    assert [each["name"] for each in few][1:4] == ["step-0", "step-1", "step-2"]
    many = emitted(large(200))[0]["spec"]["templates"]
    assert [each["name"] for each in many][1:-1] == ["ithaca--steps-1"]
    assert {each["template"] for each in many[0]["dag"]["tasks"]} == {"ithaca--steps-1"}


EMIT_ALL = """
import json, sys
from ithaca_argo import ArgoBackend
from ithaca.compiling.load import from_json
settings, *paths = sys.argv[1:]
for path in paths:
    sys.stdout.write(ArgoBackend(json.loads(settings)).emit(from_json(open(path, "rb").read())))
"""


def test_the_bytes_are_the_same_under_every_hash_seed(tmp_path: Path) -> None:
    paths = []
    for name in NOTEBOOKS:
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(compile_(name).to_json())
    settings = json.dumps({**EVERY_FOR_LARGE, "volume_claims": {"images": "images"}})
    outputs = {
        subprocess.run(
            [sys.executable, "-c", EMIT_ALL, settings, *map(str, paths)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1


def test_no_code_and_no_secret_is_in_a_manifest() -> None:
    text = ArgoBackend(PLAIN).emit(compile_("every_tag"))
    for source in ("math.sqrt", "double(lr)", "def double", "aside = 1"):
        assert source not in text


def test_importing_the_backend_does_not_import_hera() -> None:
    code = "import sys, ithaca_argo.backend; print('hera' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
