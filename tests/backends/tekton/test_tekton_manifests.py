"""Whole manifests: golden files, the schemas, sizes, and the same bytes every time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from tekton_workflows import EVERY, PLAIN, emitted, of, run, with_parameters, workflow

from cluster_schemas import problems, schema
from ithaca.backends.kubernetes import Cluster
from ithaca.compiling.compile import compile as compiled
from ithaca.errors import BackendError, UsageError
from ithaca.model.run import PlannedStep
from ithaca.model.workflow import Step, Workflow
from ithaca_tekton import TektonBackend

TESTS = Path(__file__).parents[2]
SHARED = TESTS / "compiling" / "corpus"
NOTEBOOKS = {
    **{path.stem: path for path in sorted(SHARED.glob("*.ipynb"))},
    "composed": SHARED / "composed" / "main.ipynb",
    "every_tag": TESTS / "backends" / "argo" / "corpus" / "every_tag.ipynb",
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
    train = Step(name="train", needs=("load",), timeout=30.0, approval="Train?")
    return workflow(Step(name="load"), train)


def planned() -> list[dict[str, Any]]:
    """The PipelineRun of a run of which one step is known."""
    plan = (
        PlannedStep(step="load", action="reuse", execution="e" * 64),
        PlannedStep(step="train", action="run"),
        PlannedStep(step="score", action="run"),
    )
    steps = (
        Step(name="load"),
        Step(name="train", needs=("load",), approval="Go on?"),
        Step(name="score", needs=("train", "load")),
    )
    return emitted(workflow(*steps), run(*plan))


def inner(document: dict[str, Any]) -> list[dict[str, Any]]:
    """What the schemas leave open inside of a document, as documents of their own."""
    spec = document["spec"]
    pipeline = spec if document["kind"] == "Pipeline" else spec.get("pipelineSpec")
    if pipeline is None:
        return []
    tasks = [*pipeline["tasks"], *pipeline.get("finally", ())]
    specs = [each["taskSpec"] for each in tasks if "taskSpec" in each]
    whole = [{"kind": "Pipeline", "spec": pipeline}] if document["kind"] != "Pipeline" else []
    return [*whole, *({"kind": "Task", "spec": each} for each in specs)]


def refused(document: dict[str, Any]) -> list[str]:
    """What the API server would not take of a document, and of what is inside of it."""
    parts = [document, *inner(document)]
    return [
        said
        for each in parts
        for said in problems("tekton", {"apiVersion": "tekton.dev/v1", "metadata": {}, **each})
    ]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_of_the_corpus_has_the_golden_manifests(
    name: str, golden: SnapshotAssertion
) -> None:
    assert TektonBackend({**PLAIN, **CLAIMS}).emit(compile_(name)) == golden


def test_every_setting_has_the_golden_manifests(golden: SnapshotAssertion) -> None:
    assert TektonBackend(EVERY).emit(every()) == golden


def test_a_planned_run_has_the_golden_manifest(golden: SnapshotAssertion) -> None:
    import yaml

    assert yaml.safe_dump(planned()[0], sort_keys=False, width=100) == golden


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_schemas_take_the_manifests_of_the_corpus(name: str) -> None:
    for document in emitted(compile_(name), **CLAIMS):
        assert refused(document) == []


def test_the_schemas_take_every_setting_and_a_planned_run() -> None:
    for document in (*emitted(every(), **EVERY), *planned()):
        assert refused(document) == []


def test_the_schemas_refuse_a_field_that_there_is_not_also_in_a_task_of_a_run() -> None:
    (document,) = planned()
    document["spec"]["pipelineSpec"]["tasks"][-1]["taskSpec"]["steps"][0]["imagee"] = "x"
    assert any("imagee" in each for each in refused(document))
    assert schema("tekton", "Task")


def test_the_api_server_takes_every_setting_and_a_planned_run() -> None:
    if "KUBECONFIG" not in os.environ:
        pytest.skip("KUBECONFIG names no cluster")
    cluster = Cluster.connect(namespace="default")
    try:
        if not cluster.has_api("tekton.dev"):
            pytest.skip("the cluster has no Tekton")
    except BackendError as error:
        pytest.skip(f"the cluster does not answer: {error.message}")
    settings = {**EVERY, "namespace": "default"}
    documents = [
        *emitted(every(), **settings),
        *emitted(every(), **{**settings, "approval_task": None}),
        *emitted(with_parameters(lr=1.0, größe="a", LR=2, ö=3)),
        *planned(),
        *emitted(_chain(500), run()),
    ]
    for document in documents:
        cluster.create(document, dry_run=True)


def test_the_bytes_are_the_same_under_every_hash_seed() -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from tekton_workflows import EVERY\n"
        "from test_tekton_manifests import every\n"
        "from ithaca_tekton import TektonBackend\n"
        "print(TektonBackend(EVERY).emit(every()))"
    )
    command = [sys.executable, "-c", code, str(Path(__file__).parent), str(TESTS)]
    texts = {
        subprocess.run(
            command,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(texts) == 1


def test_a_run_of_five_hundred_steps_is_a_small_object_that_refers_to_tasks_of_its_own() -> None:
    *tasks, found = emitted(_chain(500), run())
    assert len(json.dumps(found)) < 256 * 1024
    assert [each["kind"] for each in tasks] == ["Task", "Task"]
    names = {each["metadata"]["name"] for each in tasks}
    pipeline = found["spec"]["pipelineSpec"]
    assert {each["taskRef"]["name"] for each in pipeline["tasks"] + pipeline["finally"]} == names
    for document in (*tasks, found):
        assert document["metadata"]["labels"]["ithaca/run"] == run().id
        assert refused(document) == []


def test_a_run_that_is_too_large_for_one_object_is_refused() -> None:
    with pytest.raises(UsageError, match="KiB") as raised:
        emitted(_chain(1200), run())
    assert raised.value.code == "ITH681"


def _chain(count: int) -> Workflow:
    names = [f"step_{number}" for number in range(count)]
    pairs = zip(names, [(), *((name,) for name in names)], strict=False)
    return workflow(*(Step(name=name, needs=needs) for name, needs in pairs))


def test_steps_that_differ_only_in_what_tekton_can_be_told_share_a_task() -> None:
    steps = {
        "load": {"image": "a:1", "env": {"A": "1"}, "requests": {"cpu": 2}, "node": {"pool": "a"}},
        "train": {"image": "b:1", "python": "/bin/python3", "service_account": "b"},
    }
    assert len(of("Task", steps=steps)) == 2
    assert len(of("Task", steps={"train": {"env_from_secrets": ["tokens"]}})) == 3


def test_no_code_and_no_secret_is_in_a_manifest() -> None:
    text = TektonBackend({**PLAIN, **CLAIMS}).emit(compile_("every_tag"))
    assert "secretKeyRef" in text
    assert "print(" not in text


def test_importing_the_backend_does_not_import_what_its_extra_brings() -> None:
    code = "import sys, ithaca_tekton.backend; print('yaml' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
