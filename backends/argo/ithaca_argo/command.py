"""The command line of the runner in a pod, and where things lie there.

The same places in every pod: the root of the project at `/project` (a value may hold a path below
it), everything else of the attempt below `/ithaca-work`, on the same volume. Texts reach a pod as
Argo's variables; nothing of the notebook's code is among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = "/project"
WORK = "/ithaca-work"
HOME = "/ithaca"
STORE = "/ithaca-store"
CACHE = "/ithaca-cache"
EXECUTION = f"{WORK}/out/execution"
METRICS = f"{WORK}/out/metrics"

POD = "ITHACA_POD"
"""Variable with the name of the pod."""

ANSWERS = ("decision", "by", "comment")
"""What a person says when asked: `approve` or `reject`, who it was, and why."""

FINAL = 65
"""Exit code of the runner that says: another attempt cannot help, or there is none left."""


def interpreter(*, copied: bool) -> list[str]:
    """What starts the runner: the Ithaca that was copied into the pod, else the image's own."""
    return [f"{HOME}/bin/python" if copied else "python3", "-P", "-m", "ithaca.runner"]


def install() -> list[str]:
    """What the first container runs: copy its own Ithaca to where the pod's volume is."""
    return ["python3", "-P", "-m", "ithaca.runner", "--install", "/ithaca-copy"]


def step(*, image: str, python: str | None, lost: int, retried: bool, asked: bool) -> list[str]:
    """The arguments of a step's pod.

    Args:
        image: The pod's image.
        python: The kernel's interpreter in the image, when it is not the one on the PATH.
        lost: How many attempts may be lost to the machine.
        retried: Whether Argo knows the number of the attempt.
        asked: Whether a person was asked.
    """
    return [
        *_run(),
        "--step={{inputs.parameters.step}}",
        "--parents={{inputs.parameters.parents}}",
        "--arguments={{workflow.parameters.json}}",
        f"--image={image}",
        f"--pod=$({POD})",
        f"--infrastructure-retries={lost}",
        *(["--retries={{retries}}"] if retried else []),
        *([f"--{each}={{{{inputs.parameters.{each}}}}}" for each in ANSWERS] if asked else []),
        *([f"--python={python}"] if python else []),
    ]


def end() -> list[str]:
    """The arguments of the last pod, which records how the run ended."""
    return [*_run(), "--end={{workflow.status}}", "--failures={{workflow.failures}}"]


def parents(digests: Sequence[str]) -> str:
    """The executions of a step's parents, in the order of its needs."""
    return ",".join(digests)


def _run() -> list[str]:
    return [
        "--store={{workflow.parameters.ithaca-store}}",
        "--workflow={{workflow.parameters.ithaca-workflow}}",
        "--source={{workflow.parameters.ithaca-source}}",
        "--run={{workflow.parameters.ithaca-run}}",
        "--engine=argo/{{workflow.namespace}}/{{workflow.name}}/{{workflow.uid}}",
        "--created={{workflow.creationTimestamp.RFC3339}}",
    ]
