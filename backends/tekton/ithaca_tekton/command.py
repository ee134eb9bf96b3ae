"""The runner's command lines in Tekton's pods: what they say comes as Tekton's variables."""

from __future__ import annotations

from ithaca.backends.kubernetes.command import POD

RESULTS = "/tekton/results"
"""Where Tekton finds what a pod passes on."""

RUN = ("store", "workflow", "source", "run")
"""What every pod of a run is told; one list, since the same is said to each task."""

PLANNED = ("store", "run")
"""What is enough for a run that is written down."""


def step(*, deadline: int | None, lost: int, environment: str | None, answer: str) -> list[str]:
    """The arguments of a step's pod.

    Args:
        deadline: Seconds that the whole run may take.
        lost: How many attempts may be lost to the machine.
        environment: What its kernel imports, when it is not the image's own.
        answer: The option that says how the step's question was answered.
    """
    return [
        *_RUN,
        *_told("step", "parents", "image", "python", "memory", answer),
        f"--pod=$({POD})",
        *_until(deadline),
        f"--infrastructure-retries={lost}",
        f"--out={RESULTS}",
        *([f"--environment={environment}"] if environment else []),
        *_ARGUMENTS,
    ]


def prepare(*, lost: int, environment: str | None) -> list[str]:
    """The arguments of the pod that installs an environment.

    Args:
        lost: How many attempts may be lost to the machine.
        environment: The environment.
    """
    return [
        *_RUN,
        *_told("image", "python"),
        "--prepare=$(params.preparing)",
        f"--pod=$({POD})",
        f"--infrastructure-retries={lost}",
        # Tekton knows it only in a task that stands inside of its Pipeline, as this one does.
        "--retries=$(context.task.retry-count)",
        f"--environment={environment}",
        *_ARGUMENTS,
    ]


def asked(gate: str) -> str:
    """Where the answer to a step's question is, and the module that reads it in the pod.

    Args:
        gate: The task that asks.
    """
    return f"ithaca_tekton.answers:$(context.pipelineRun.name)/{gate}"


def verdict() -> list[str]:
    """The arguments of the container after a step's, which says what its exit code means."""
    return ["--judge=$(steps.step-main.exitCode.path)", f"--out={RESULTS}"]


def gate() -> list[str]:
    """The arguments of a pod that waits for a person."""
    return [*_RUN, "--gate=$(params.asking)", f"--out={RESULTS}", *_ARGUMENTS]


def end(deadline: int | None) -> list[str]:
    """The arguments of the last pod, which records how the run ended.

    Args:
        deadline: Seconds that the whole run may take.
    """
    own = [*_told("failures"), "--end=$(params.status)", "--exit-failed=1"]
    return [*_RUN, *own, *_until(deadline), *_ARGUMENTS]


_ARGUMENTS = ["--argument", "$(params.arguments[*])"]
"""Whichever pod is the first writes the run down, and needs them for that.

Each is one argument more of the command line, whatever is in it.
"""


_RUN = ["$(params.run[*])", "--engine=$(params.engine)"]


def _until(deadline: int | None) -> list[str]:
    return [] if deadline is None else [f"--deadline={deadline}"]


def _told(*names: str) -> list[str]:
    return [f"--{name}=$(params.{name})" for name in names]
