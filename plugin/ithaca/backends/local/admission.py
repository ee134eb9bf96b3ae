"""How many steps the machine runs at once, by their requests for cpu, memory and GPUs."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ithaca.errors import UsageError
from ithaca.model.run import Obstacle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ithaca.model.workflow import Step, Workflow

_SUFFIXES = {
    **{name: 1000.0**power for power, name in enumerate(("n", "u", "m", "", *"kMGTPE"), start=-3)},
    **{f"{name}i": 1024.0**power for power, name in enumerate("KMGTPE", start=1)},
}
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([a-zA-Z]*)")


class Capacity(msgspec.Struct, frozen=True):
    """An amount of cpu, memory and GPUs.

    Attributes:
        cpu: Cores.
        memory: Bytes.
        gpu: Devices.
    """

    cpu: float = 0.0
    memory: float = 0.0
    gpu: float = 0.0

    def __add__(self, other: Capacity) -> Capacity:
        return Capacity(self.cpu + other.cpu, self.memory + other.memory, self.gpu + other.gpu)

    def fits_into(self, other: Capacity) -> bool:
        """Whether another capacity has at least this much."""
        return self.cpu <= other.cpu and self.memory <= other.memory and self.gpu <= other.gpu


def quantity(text: str) -> float:
    """A Kubernetes quantity as a number.

    Raises:
        ValueError: The text is not a quantity.

    Example:
        >>> quantity("500m"), quantity("2Gi")
        (0.5, 2147483648.0)
    """
    matched = _QUANTITY.fullmatch(text.strip())
    if matched is None or matched[2] not in _SUFFIXES:
        raise ValueError(f"`{text}` is not a quantity such as 500m, 2 or 4Gi")
    return float(matched[1]) * _SUFFIXES[matched[2]]


def machine(settings: Mapping[str, Any] | None = None) -> Capacity:
    """What this machine has; `[tool.ithaca.local]` may set `cpu`, `memory` and `gpu`.

    Raises:
        UsageError: A setting is not a quantity.
    """
    configured = settings or {}

    def amount(kind: str, measured: Callable[[], float]) -> float:
        if kind not in configured:
            return measured()
        try:
            return quantity(str(configured[kind]))
        except ValueError as error:
            raise UsageError("ITH903", f"the setting `local.{kind}`: {error}") from None

    return Capacity(
        cpu=amount("cpu", cores), memory=amount("memory", _memory), gpu=amount("gpu", _gpus)
    )


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> float:
    import psutil

    return float(psutil.virtual_memory().total)


def _gpus() -> int:
    return sum(1 for found in Path("/dev").glob("nvidia*") if found.name[6:].isdigit())


def request(step: Step, machine: Capacity) -> Capacity:
    """What a step asks for.

    A limit without a request counts as the request, as in Kubernetes. A limit on cpu or memory
    above what the machine has counts as all of the machine, because a limit is not a need.

    Raises:
        UsageError: An amount is not a quantity.
    """
    asked: dict[str, float] = {}
    for amounts, is_need in ((step.resources.limits, False), (step.resources.requests, True)):
        for name, text in amounts.items():
            kind = "gpu" if name.endswith(("/gpu", "gpu")) else name
            try:
                amount = quantity(text)
            except ValueError as error:
                raise UsageError("ITH620", str(error), where=f"step {step.name}, {name}") from None
            if not is_need and kind in {"cpu", "memory"}:
                amount = min(amount, getattr(machine, kind))
            asked[kind] = amount
    return Capacity(asked.get("cpu", 0.0), asked.get("memory", 0.0), asked.get("gpu", 0.0))


_LABELS = {"cpu": "%g cores", "memory": "%.3g bytes of memory", "gpu": "%g GPUs"}


def validate_limits(workflow: Workflow, machine: Capacity) -> None:
    """Refuse a workflow with a step that asks for more than the machine has.

    Raises:
        UsageError: There is one; all of them are named.
    """
    found = []
    for step in workflow.steps:
        asked = request(step, machine)
        found += [
            f"step `{step.name}` asks for {label % getattr(asked, kind)}, "
            f"this machine has {label % getattr(machine, kind)}"
            for kind, label in _LABELS.items()
            if getattr(asked, kind) > getattr(machine, kind)
        ]
    if found:
        raise UsageError(
            "ITH621",
            "; ".join(found),
            cure="ask for less (`request:` and `limit:` tags), run it on another backend, or set "
            "what the machine has under [tool.ithaca.local]",
        )


def shortage(step: Step, used: Capacity, machine: Capacity) -> Obstacle | None:
    """Why a step cannot start now.

    Args:
        step: The step.
        used: What the steps that run use in all.
        machine: What the machine has.

    Returns:
        What the step asks for and running steps use; None when it fits beside them.

    Example:
        >>> from ithaca.model.workflow import Resources, Step
        >>> step = Step(name="fit", resources=Resources(requests={"cpu": "2"}))
        >>> print(shortage(step, Capacity(cpu=1), Capacity(cpu=2)))
        Busy: it asks for 2 cores, and running steps use 1 of 2 cores
    """
    asked = request(step, machine)
    for kind, label in _LABELS.items():
        wanted, taken, there = (getattr(each, kind) for each in (asked, used, machine))
        if wanted and wanted + taken > there:
            message = (
                f"it asks for {label % wanted}, and running steps use {taken:g} of {label % there}"
            )
            cure = "it starts when they end; `ithaca runs list` shows the runs"
            return Obstacle(reason="Busy", message=message, cure=cure)
    return None


def admits(asked: Capacity, running: Iterable[Capacity], machine: Capacity) -> bool:
    """Whether a step may start beside those that run."""
    return sum(running, asked).fits_into(machine)
