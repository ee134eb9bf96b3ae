from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ithaca.errors import NotFound
from ithaca.model.workflow import (
    Metric,
    Parameter,
    Resources,
    Secret,
    Source,
    Step,
    Volume,
    Workflow,
)
from ithaca.planning.keys import lookup, publish, reuse_filter, step_key
from ithaca.store import LocalStore

STEP = Step(name="train", code_digest="c0", parameters=("lr",), env={"A": "1"})
WORKFLOW = Workflow(
    name="w",
    parameters=(Parameter(name="lr", type="float", default=0.1),),
    steps=(STEP,),
    source=Source(notebook="n.ipynb", digest="d"),
)


class Folder:
    """Documents in memory, as the store keeps them."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {}

    def create(self, name: str, data: bytes) -> bool:
        return self.documents.setdefault(name, data) is data

    def read(self, name: str) -> bytes:
        if name not in self.documents:
            raise NotFound("ITH401", f"there is no {name}")
        return self.documents[name]


def key(step: Step = STEP, workflow: Workflow = WORKFLOW, **changed: object) -> str:
    told = {"arguments": {"lr": 0.1, "other": 1}, "environment": "e", "parents": ["s"]}
    return step_key(workflow, step, **{**told, **changed})  # type: ignore[arg-type]


def test_a_key_is_the_same_every_time_and_on_every_machine() -> None:
    assert key() == "bcc15c1b7d5acd81464e8c532128317881b445e70036b560b2ec1d14225e174e"


@pytest.mark.parametrize(
    "other",
    [
        {"step": msgspec.structs.replace(STEP, code_digest="c1")},
        {"step": msgspec.structs.replace(STEP, env={"A": "2"})},
        {"step": msgspec.structs.replace(STEP, writes=("model",))},
        {"step": msgspec.structs.replace(STEP, needs=("load",))},
        {"step": msgspec.structs.replace(STEP, image="i")},
        {"step": msgspec.structs.replace(STEP, secrets=(Secret(secret="s", key="k", env="E"),))},
        {"arguments": {"lr": 0.2}},
        {"arguments": {"lr": 1}},
        {"arguments": {"lr": True}},
        {"arguments": {"lr": "0.1"}},
        {"arguments": {"lr": None}},
        {"arguments": {"lr": float("nan")}},
        {"arguments": {"lr": float("inf")}},
        {"arguments": {"lr": {"a": 1}}},
        {"arguments": {"lr": {1: 1}}},
        {"environment": "f"},
        {"parents": ["t"]},
        {"parents": ["s", "s"]},
        {"image": "sha256:1"},
        {
            "workflow": msgspec.structs.replace(
                WORKFLOW, metrics=(Metric(name="loss", variable="loss", step="train"),)
            )
        },
        {
            "workflow": msgspec.structs.replace(
                WORKFLOW, source=Source(notebook="deeper/n.ipynb", digest="d")
            )
        },
        {
            "workflow": msgspec.structs.replace(
                WORKFLOW, volumes=(Volume(name="data", mount_path="/data", version="2"),)
            )
        },
    ],
)
def test_what_a_result_depends_on_changes_the_key(other: dict[str, object]) -> None:
    assert key(**other) != key()


@pytest.mark.parametrize(
    "other",
    [
        {"step": msgspec.structs.replace(STEP, name="fit")},
        {"step": msgspec.structs.replace(STEP, resources=Resources(limits={"cpu": "2"}))},
        {"step": msgspec.structs.replace(STEP, retries=3, timeout=5.0, cache=False)},
        {"step": msgspec.structs.replace(STEP, labels={"a": "b"}, annotations={"a": "b"})},
        {"arguments": {"lr": 0.1, "other": 2}},
    ],
)
def test_what_a_result_does_not_depend_on_leaves_the_key(other: dict[str, object]) -> None:
    assert key(**other) == key()


def test_the_first_execution_under_a_key_stays_the_one_that_is_found() -> None:
    store = Folder()
    first = publish(store, "k", "x1", "run1", {"loss": 0.5})
    second = publish(store, "k", "x2", "run2")
    assert first == second == lookup(store, "k")
    assert first.metrics == {"loss": 0.5}


def test_an_unknown_key_finds_nothing() -> None:
    assert lookup(Folder(), "k") is None


def test_what_does_not_count_of_the_parents_is_not_part_of_the_key() -> None:
    assert key(reuse_filter=lambda _: "same", parents=["a"]) == key(
        reuse_filter=lambda _: "same", parents=["b"]
    )
    assert key(reuse_filter=None, parents=["a"]) == key(
        reuse_filter=lambda digest: digest, parents=["a"]
    )


def test_without_patterns_nothing_is_computed(tmp_path: Path) -> None:
    store = LocalStore.open(tmp_path / "store")
    assert reuse_filter(store, (), cache=tmp_path) is None


def test_a_snapshot_that_cannot_be_read_counts_whole(tmp_path: Path) -> None:
    counts = reuse_filter(LocalStore.open(tmp_path / "store"), ("*.md",), cache=tmp_path)
    assert counts is not None
    assert counts("a" * 64) == "a" * 64
