"""The command lines of the runner in Tekton's pods, with Tekton's variables."""

from __future__ import annotations

from ithaca.backends.kubernetes.command import POD

RESULTS = "/tekton/results"
"""Where Tekton finds the results of a pod."""

RUN = ("store", "workflow", "source", "run")
"""Options of every pod of a run, as one list that all tasks share."""

PLANNED = ("store", "run")
"""The options that a run with a document needs."""


def step(*, deadline: int | None, lost: int, environment: str | None, answer: str) -> list[str]:
    """The arguments of a step's pod.

    Args:
        deadline: Seconds that the whole run may take.
        lost: How many attempts may be lost to the machine.
        environment: The environment to restore, when it is not the image's own.
        answer: The option with the answer to the step's question.
    """
    return [
        *_RUN,
        *_options("step", "parents", "image", "python", "memory", answer),
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
        *_options("image", "python"),
        "--prepare=$(params.preparing)",
        f"--pod=$({POD})",
        f"--infrastructure-retries={lost}",
        # Tekton has this variable only in a task inside of its Pipeline, as this one is.
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
    """The arguments of the container after a step's, which judges its exit code."""
    return ["--judge=$(steps.step-main.exitCode.path)", f"--out={RESULTS}"]


def gate() -> list[str]:
    """The arguments of a pod that waits for a person."""
    return [*_RUN, "--gate=$(params.asking)", f"--out={RESULTS}", *_ARGUMENTS]


def end(deadline: int | None) -> list[str]:
    """The arguments of the last pod, which records how the run ended.

    Args:
        deadline: Seconds that the whole run may take.
    """
    own = [*_options("failures"), "--end=$(params.status)", "--exit-failed=1"]
    return [*_RUN, *own, *_until(deadline), *_ARGUMENTS]


_ARGUMENTS = ["--argument", "$(params.arguments[*])"]
"""The first pod writes the run's document, and needs the arguments of the notebook for it.

Each of them is one argument of the command line, whatever characters it holds.
"""


_RUN = ["$(params.run[*])", "--engine=$(params.engine)"]


def _until(deadline: int | None) -> list[str]:
    return [] if deadline is None else [f"--deadline={deadline}"]


def _options(*names: str) -> list[str]:
    return [f"--{name}=$(params.{name})" for name in names]
