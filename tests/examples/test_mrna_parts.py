"""The parts of the mRNA example: the generator of its data, and the gradients of its model."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

MRNA = Path(__file__).parents[2] / "examples" / "mrna"
DATA = MRNA / "data" / "train.json"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("mrna_generate", MRNA / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def molecules() -> list[dict[str, Any]]:
    return [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def definitions() -> dict[str, Any]:
    """What the `imports` and `functions` cells of the notebook define."""
    names: dict[str, Any] = {}
    for cell in json.loads((MRNA / "mrna.ipynb").read_text(encoding="utf-8"))["cells"]:
        if {"imports", "functions"} & set(cell["metadata"].get("tags", ())):
            exec("".join(cell["source"]), names)
    return names


def test_the_generator_writes_the_committed_bytes(generate: ModuleType) -> None:
    assert generate.generate().encode() == DATA.read_bytes()


def test_the_data_file_is_small() -> None:
    assert DATA.stat().st_size < 400_000


def test_another_seed_makes_other_molecules(generate: ModuleType) -> None:
    assert generate.generate(seed=1, count=2) != generate.generate(seed=2, count=2)


def test_brackets_join_bases_that_can_pair(
    generate: ModuleType, molecules: list[dict[str, Any]]
) -> None:
    for molecule in molecules:
        sequence, structure = molecule["sequence"], molecule["structure"]
        for i, j in enumerate(generate.partners(structure)):
            if j is not None and i < j:
                assert sequence[i] + sequence[j] in generate.PAIR
                assert j - i > generate.SMALLEST_HAIRPIN


def test_a_hairpin_is_found_and_its_loop_is_named(generate: ModuleType) -> None:
    structure = generate.fold("AAGGGCAAAAGCCCAA")
    assert structure == "..((((....)))).."
    assert generate.loop_types(structure) == "EESSSSHHHHSSSSEE"


@pytest.mark.parametrize(
    ("structure", "loops"),
    [
        ("....", "EEEE"),
        ("((...)).((...))", "SSHHHSSXSSHHHSS"),
        ("(.((...)))", "SBSSHHHSSS"),
        ("(.((...)).)", "SISSHHHSSIS"),
        ("(.((...)).((...)))", "SMSSHHHSSMSSHHHSSS"),
    ],
)
def test_loops_are_named_by_what_encloses_them(
    generate: ModuleType, structure: str, loops: str
) -> None:
    assert generate.loop_types(structure) == loops


def test_labels_depend_on_the_structure(molecules: list[dict[str, Any]]) -> None:
    paired, unpaired = [], []
    for molecule in molecules:
        for bracket, rate in zip(molecule["structure"], molecule["deg_Mg_50C"], strict=False):
            (unpaired if bracket == "." else paired).append(rate)
    assert np.mean(unpaired) > 2 * np.mean(paired)


def test_labels_depend_on_the_sequence(molecules: list[dict[str, Any]]) -> None:
    rates: dict[str, list[float]] = {base: [] for base in "ACGU"}
    for molecule in molecules:
        for base, loop, rate in zip(
            molecule["sequence"],
            molecule["predicted_loop_type"],
            molecule["reactivity"],
            strict=False,
        ):
            if loop == "H":
                rates[base].append(rate)
    assert np.mean(rates["A"]) > 2 * np.mean(rates["C"])


def test_the_loss_is_the_mean_over_the_targets(definitions: dict[str, Any]) -> None:
    truth = np.zeros((1, 2, 2))
    guess = np.array([[[3.0, 1.0], [3.0, 1.0]]])
    assert definitions["mcrmse"](truth, guess) == pytest.approx(2)


def test_a_character_that_was_not_learned_becomes_zero(definitions: dict[str, Any]) -> None:
    tokenizer = definitions["CharTokenizer"]().fit(["ACGU"])
    assert tokenizer.encode("UAN") == [4, 1, 0]
    assert len(tokenizer) == 5


def test_the_gradients_are_those_of_the_loss(definitions: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    model = definitions["SequenceModel"](5, 2, 3, 3, rng)
    model.embedding = model.embedding.astype(np.float64)
    for layer in (model.first, model.second, model.output):
        layer.weights = layer.weights.astype(np.float64)
        layer.bias = rng.normal(0, 0.1, layer.bias.shape)
    tokens = rng.integers(0, 5, (2, 7, 3))
    truth = rng.normal(0, 1, (2, 5, 3))

    def loss() -> float:
        return float(definitions["mcrmse"](truth, model.predict(tokens)[:, :5]))

    gradients = model.gradients(tokens, truth)
    assert len(gradients) == len(model.weights)
    for array, gradient in zip(model.weights, gradients, strict=True):
        for place in np.ndindex(array.shape):
            before, step = array[place], 1e-6
            array[place] = before + step
            above = loss()
            array[place] = before - step
            below = loss()
            array[place] = before
            assert gradient[place] == pytest.approx((above - below) / (2 * step), abs=1e-6)
