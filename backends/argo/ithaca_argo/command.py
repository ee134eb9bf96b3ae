"""The command line of the runner in Argo's pods, with Argo's variables."""

from __future__ import annotations

from typing import NamedTuple

from ithaca.backends.kubernetes.command import ANSWERS, POD

_LAST = (
    "--last-message={{lastRetry.message}}",
    "--last-exit-code={{lastRetry.exitCode}}",
    "--unset=lastRetry.",
)
"""What Argo reports of the previous pod, which may have had no time to write its end.

Argo leaves an unknown variable as it is, so a value that still holds the variable's name is unset.
"""


class Place(NamedTuple):
    """Where a kernel runs.

    Attributes:
        image: The pod's image.
        python: The kernel's interpreter in it, when it is not the one on the PATH.
        environment: The environment to restore, when it is not the image's own.
        memory: The pod's limit, when it has one.
    """

    image: str
    python: str | None = None
    environment: str | None = None
    memory: str | None = None


def step(place: Place, *, deadline: int | None, lost: int, retried: bool, asked: bool) -> list[str]:
    """The arguments of a step's pod.

    Args:
        place: Where its kernel runs.
        deadline: Seconds that the whole run may take.
        lost: How many attempts may be lost to the machine.
        retried: Whether Argo counts the attempts.
        asked: Whether the step asks a person.
    """
    return [
        *_run(deadline),
        "--step={{inputs.parameters.step}}",
        "--parents={{inputs.parameters.parents}}",
        *_attempt(place, lost=lost, retried=retried),
        *([f"--{each}={{{{inputs.parameters.{each}}}}}" for each in ANSWERS] if asked else []),
        *_place(place),
    ]


def prepare(place: Place, *, lost: int) -> list[str]:
    """The arguments of the pod that installs an environment.

    Args:
        place: The environment, and the image that it is for.
        lost: How many attempts may be lost to the machine.
    """
    return [
        *_run(),
        "--prepare={{inputs.parameters.step}}",
        *_attempt(place, lost=lost, retried=lost > 0),
        *_place(place),
    ]


def end(deadline: int | None) -> list[str]:
    """The arguments of the last pod, which records how the run ended.

    Args:
        deadline: Seconds that the whole run may take.
    """
    return [*_run(deadline), "--end={{workflow.status}}", "--failures={{workflow.failures}}"]


def _attempt(place: Place, *, lost: int, retried: bool) -> list[str]:
    return [
        "--arguments={{workflow.parameters.json}}",
        f"--image={place.image}",
        f"--pod=$({POD})",
        f"--infrastructure-retries={lost}",
        *(["--retries={{retries}}", *_LAST] if retried else []),
    ]


def _place(place: Place) -> list[str]:
    options = {name: getattr(place, name) for name in ("python", "environment", "memory")}
    return [f"--{name}={value}" for name, value in options.items() if value]


def _run(deadline: int | None = None) -> list[str]:
    return [
        "--store={{workflow.parameters.ithaca-store}}",
        "--workflow={{workflow.parameters.ithaca-workflow}}",
        "--source={{workflow.parameters.ithaca-source}}",
        "--run={{workflow.parameters.ithaca-run}}",
        "--engine=argo/{{workflow.namespace}}/{{workflow.name}}/{{workflow.uid}}",
        "--created={{workflow.creationTimestamp.RFC3339}}",
        *([f"--deadline={deadline}"] if deadline else []),
    ]
