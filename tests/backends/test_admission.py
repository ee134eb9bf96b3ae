from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ithaca.backends.local.admission import (
    Capacity,
    admits,
    cores,
    machine,
    quantity,
    request,
    validate_limits,
)
from ithaca.errors import UsageError
from ithaca.model.workflow import Resources, Source, Step, Workflow

MACHINE = Capacity(cpu=4, memory=8e9, gpu=1)


def step(requests: dict[str, str] | None = None, limits: dict[str, str] | None = None) -> Step:
    return Step(name="train", resources=Resources(requests=requests or {}, limits=limits or {}))


def workflow(*steps: Step) -> Workflow:
    return Workflow(name="w", steps=steps, source=Source(notebook="n.ipynb", digest="d"))


@pytest.mark.parametrize(
    ("text", "amount"),
    [("1", 1), ("500m", 0.5), ("2Gi", 2 * 1024**3), ("1.5k", 1500), ("1e3", 1000), ("2E", 2e18)],
)
def test_kubernetes_quantities_are_numbers(text: str, amount: float) -> None:
    assert quantity(text) == amount


@pytest.mark.parametrize("text", ["", "Gi", "1GB", "1 2", "lots"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        quantity(text)


@given(st.integers(0, 10**15))
def test_a_plain_number_is_its_own_quantity(number: int) -> None:
    assert quantity(str(number)) == number


def test_a_request_counts_before_a_limit() -> None:
    assert request(step({"cpu": "1"}, {"cpu": "4"}), MACHINE).cpu == 1


def test_a_limit_alone_counts_as_the_request_up_to_all_of_the_machine() -> None:
    asked = request(step(limits={"cpu": "2", "memory": "64Gi", "nvidia.com/gpu": "1"}), MACHINE)
    assert asked == Capacity(cpu=2, memory=8e9, gpu=1)


def test_steps_that_ask_for_more_than_the_machine_has_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"`train` asks for 5 cores.*this machine has 4 cores"):
        validate_limits(workflow(step({"cpu": "5"})), MACHINE)
    with pytest.raises(UsageError, match="asks for 2 GPUs"):
        validate_limits(workflow(step(limits={"nvidia.com/gpu": "2"})), MACHINE)


def test_an_amount_that_is_no_quantity_names_its_step() -> None:
    with pytest.raises(UsageError, match="`much` is not") as caught:
        request(step({"cpu": "much"}), MACHINE)
    assert caught.value.where == "step train, cpu"


def test_steps_start_together_only_while_the_machine_has_room() -> None:
    half = Capacity(cpu=2, memory=1e9)
    assert admits(half, [half], MACHINE)
    assert not admits(half, [half, half], MACHINE)
    assert admits(Capacity(), [half, half], MACHINE)


def test_the_project_may_say_what_the_machine_has() -> None:
    assert machine({"cpu": 64, "memory": "1Ti", "gpu": 2}) == Capacity(64, 1024.0**4, 2)
    assert machine().cpu == cores()
