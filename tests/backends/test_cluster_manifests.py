"""The manifests of every cluster backend: golden files, schemas, and the same bytes every time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from cluster_schemas import problems
from cluster_workflows import EVERY, PLAIN, emitted, run, text_of, workflow
from ithaca.backends.kubernetes.backend import ClusterBackend
from ithaca.backends.kubernetes.manifests import manifests, of_template
from ithaca.compiling.compile import compile as compiled
from ithaca.model.run import PlannedStep, RunDocument, Trial
from ithaca.model.workflow import Parameter, Step, Workflow
from ithaca_argo import ArgoBackend
from ithaca_tekton import TektonBackend

HERE = Path(__file__).parent
CORPUS = HERE.parent / "compiling" / "corpus"
NOTEBOOKS = {
    **{path.stem: path for path in sorted(CORPUS.glob("*.ipynb"))},
    "composed": CORPUS / "composed" / "main.ipynb",
    "every_tag": HERE / "corpus" / "every_tag.ipynb",
}
CLAIMS = {"volume_claims": {"images": "images"}}
BACKENDS: dict[str, type[ClusterBackend]] = {"argo": ArgoBackend, "tekton": TektonBackend}


STEPS = (
    Step(name="load"),
    Step(name="train", needs=("load",), approval="Go on?"),
    Step(name="score", needs=("train", "load")),
)
PLANNED: dict[str, tuple[Workflow, RunDocument]] = {
    "argo": (workflow(), run(PlannedStep(step="load", action="reuse", execution="e" * 64))),
    "tekton": (
        workflow(*STEPS),
        run(
            PlannedStep(step="load", action="reuse", execution="e" * 64),
            PlannedStep(step="train", action="run"),
            PlannedStep(step="score", action="run"),
        ),
    ),
}


TRIAL = {
    "id": "01JBBBBBBBBBBBBBBBBBBBBBBB",
    "store": "s3://bucket/prefix",
    "arguments": {"lr": 0.25},
    "trial": Trial(study="search", number=7, attempt=2),
}
"""What belongs to one trial only."""


def of_trial(**more: Any) -> tuple[Workflow, RunDocument]:
    """A workflow, and a trial of a study in which its first step is known."""
    steps = (Step(name="load"), Step(name="train", needs=("load",), parameters=("lr",)))
    plan = (
        PlannedStep(step="load", action="reuse", execution="e" * 64),
        PlannedStep(step="train", action="run", key="k" * 64),
    )
    lr = Parameter(name="lr", type="float", default=0.1)
    wanted = msgspec.structs.replace(workflow(*steps), parameters=(lr,))
    return wanted, msgspec.structs.replace(run(*plan), **{**TRIAL, **more})


def study_objects(engine: str, *, pinned: str = "e" * 64, **more: Any) -> list[Any]:
    """The objects of a study's template, and that of one trial."""
    backend, (wanted, document) = BACKENDS[engine](PLAIN), of_trial(**more)
    builder = backend.engine()
    *lasting, example = builder.template(wanted, of_template(document, {pinned}))
    return [*lasting, builder.instance(example, wanted, document)]


class GoldenManifests(SingleFileSnapshotExtension):
    """One `.yaml` for each notebook, equal to what `ithaca compile` prints."""

    _write_mode = WriteMode.TEXT
    file_extension = "yaml"


@pytest.fixture
def golden(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(GoldenManifests)


@pytest.fixture(params=BACKENDS)
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def compile_(name: str) -> Workflow:
    path = NOTEBOOKS[name]
    return compiled(path, root=CORPUS if path.is_relative_to(CORPUS) else path.parent)


def with_every_setting(engine: str) -> tuple[Workflow, dict[str, Any]]:
    """The settings, and a workflow with the steps that they name."""
    settings = EVERY[engine]
    question = "Train?" if "approval_task" in settings else None
    train = Step(name="train", needs=("load",), timeout=30.0, approval=question)
    return workflow(Step(name="load"), train), settings


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_of_the_corpus_has_the_golden_manifests(
    engine: str, name: str, golden: SnapshotAssertion
) -> None:
    assert text_of(BACKENDS[engine]({**PLAIN, **CLAIMS}).emit(compile_(name))) == golden


def test_every_setting_has_the_golden_manifests(engine: str, golden: SnapshotAssertion) -> None:
    wanted, settings = with_every_setting(engine)
    assert text_of(BACKENDS[engine](settings).emit(wanted)) == golden


def test_every_setting_is_in_the_golden_manifests(engine: str) -> None:
    assert set(EVERY[engine]) == {*BACKENDS[engine](PLAIN).read().__struct_fields__}


def test_a_planned_run_has_the_golden_manifest(engine: str, golden: SnapshotAssertion) -> None:
    assert text_of(BACKENDS[engine](PLAIN).emit(*PLANNED[engine])) == golden


def test_a_study_has_the_golden_manifests(engine: str, golden: SnapshotAssertion) -> None:
    assert text_of(manifests(study_objects(engine))) == golden


def test_trials_share_a_template_and_differ_in_names_labels_and_arguments(engine: str) -> None:
    other = {"id": "01JCCCCCCCCCCCCCCCCCCCCCCC", "arguments": {"lr": 0.5}, "created": 9.0}
    one = study_objects(engine)
    another = study_objects(engine, **other, trial=Trial(study="search", number=8))
    assert one[:-1] == another[:-1]
    labels = another[-1]["metadata"]["labels"]
    assert (labels["ithaca/study"], labels["ithaca/trial"]) == ("search", "8")
    assert labels["ithaca/run"] == other["id"]
    assert "0.5" in json.dumps(another[-1])
    assert "0.25" not in json.dumps(another)


def test_another_template_has_another_name(engine: str) -> None:
    usual = study_objects(engine)
    names = {usual[0]["metadata"]["name"]}
    for other in (
        study_objects(engine, pinned="f" * 64),
        study_objects(engine, store="s3://elsewhere"),
        study_objects(engine, trial=Trial(study="another", number=7)),
    ):
        names.add(other[0]["metadata"]["name"])
    assert len(names) == 4


def test_the_schemas_accept_the_objects_of_a_study(engine: str) -> None:
    for document in study_objects(engine):
        assert problems(engine, document) == []


def test_a_trial_is_a_small_object(engine: str) -> None:
    assert len(json.dumps(study_objects(engine)[-1], separators=(",", ":"))) < 700


def test_the_objects_that_are_sent_are_those_that_are_printed(engine: str) -> None:
    wanted, settings = with_every_setting(engine)
    backend = BACKENDS[engine](settings)
    for planned in (None, run()):
        printed = list(yaml.safe_load_all(text_of(backend.emit(wanted, planned))))
        assert list(backend.engine().objects(wanted, planned)) == printed


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_schemas_accept_the_manifests_of_the_corpus(engine: str, name: str) -> None:
    for document in emitted(BACKENDS[engine], compile_(name), **CLAIMS):
        assert problems(engine, document) == []


def test_the_schemas_accept_every_setting_and_a_planned_run(engine: str) -> None:
    backend, (wanted, settings) = BACKENDS[engine], with_every_setting(engine)
    for document in (
        *emitted(backend, wanted, **settings),
        *emitted(backend, wanted, run(), **settings),
        *emitted(backend, *PLANNED[engine]),
    ):
        assert problems(engine, document) == []


EMIT_ALL = """
import json, sys
from ithaca.backends.registry import backend
from ithaca.compiling.load import from_json
name, settings, *paths = sys.argv[1:]
for path in paths:
    for each in backend(name, json.loads(settings)).emit(from_json(open(path, "rb").read())):
        sys.stdout.write(each.text)
"""


def test_the_bytes_are_the_same_under_every_hash_seed(engine: str, tmp_path: Path) -> None:
    paths = []
    for name in NOTEBOOKS:
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(compile_(name).to_json())
    settings = {name: value for name, value in EVERY[engine].items() if name != "steps"} | CLAIMS
    outputs = {
        subprocess.run(
            [sys.executable, "-c", EMIT_ALL, engine, json.dumps(settings), *map(str, paths)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(outputs) == 1


def test_no_code_and_no_secret_is_in_a_manifest(engine: str) -> None:
    text = text_of(BACKENDS[engine]({**PLAIN, **CLAIMS}).emit(compile_("every_tag")))
    assert "secretKeyRef" in text
    for source in ("math.sqrt", "double(lr)", "def double", "aside = 1", "print("):
        assert source not in text


def test_importing_the_backend_does_not_import_what_its_extra_installs(engine: str) -> None:
    code = f"import sys, ithaca_{engine}; print({{'hera', 'yaml'}} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
