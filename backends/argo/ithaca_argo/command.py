"""The command line of the runner in Argo's pods: what it says reaches it as Argo's variables."""

from __future__ import annotations

from ithaca.backends.kubernetes.command import ANSWERS, POD


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


def _run() -> list[str]:
    return [
        "--store={{workflow.parameters.ithaca-store}}",
        "--workflow={{workflow.parameters.ithaca-workflow}}",
        "--source={{workflow.parameters.ithaca-source}}",
        "--run={{workflow.parameters.ithaca-run}}",
        "--engine=argo/{{workflow.namespace}}/{{workflow.name}}/{{workflow.uid}}",
        "--created={{workflow.creationTimestamp.RFC3339}}",
    ]
