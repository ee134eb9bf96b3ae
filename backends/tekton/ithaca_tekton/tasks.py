"""The Tasks of a notebook: pods that differ only in parameters share one.

Image, step, parents and arguments are parameters. Tekton has no parameters for mounts, for whole
secrets and for the pull policy, so pods that differ there get different Tasks. What a pod asks of
the cluster (nodes, resources, variables) is in the run's `taskRunSpecs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ithaca.backends.kubernetes.command import HOME, POD
from ithaca_tekton import command
from ithaca_tekton.model import ParamSpec, Step, TaskSpec

if TYPE_CHECKING:
    from ithaca.backends.kubernetes.pods import Pod
    from ithaca_tekton.settings import TektonSettings

_POD = {"name": POD, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}


def step_task(pod: Pod, settings: TektonSettings) -> TaskSpec:
    """The Task of a step.

    The runner's exit code says whether another attempt can help, but Tekton retries every failed
    pod. So the runner's container may fail, and a last container fails the pod only if another
    attempt can help. This also keeps the run going: after a final failure Tekton would start
    nothing more, but the steps that do not need the failed one must run.
    """
    lost, environment = settings.infrastructure_retries, settings.environment
    deadline = settings.deadline
    answer = "decision" if settings.approval_task is None else "asked"
    arguments = command.step(deadline=deadline, lost=lost, environment=environment, answer=answer)
    return _task(
        pod,
        _judged(pod, arguments),
        image=settings.image,
        names=("step", "parents"),
        optional=("python", "memory", answer),
        results=("execution", "metrics"),
    )


def prepare_task(pod: Pod, settings: TektonSettings) -> TaskSpec:
    """The Task that installs an environment.

    It never fails the run: a step whose environment is missing reports that itself.
    """
    lost, environment = settings.infrastructure_retries, settings.environment
    return _task(
        pod,
        _judged(pod, command.prepare(lost=lost, environment=environment)),
        image=settings.image,
        names=("preparing",),
        optional=("python",),
    )


def gate_task(pod: Pod, settings: TektonSettings) -> TaskSpec:
    """The Task that waits for a person."""
    return _task(
        pod,
        [_container("main", pod, command.gate())],
        image=settings.image,
        names=("asking",),
        results=("decision",),
    )


def end_task(pod: Pod, settings: TektonSettings) -> TaskSpec:
    """The Task that records the run's end; it fails if the run failed, so that Tekton shows it."""
    return _task(
        pod,
        [_container("main", pod, command.end(settings.deadline))],
        image=settings.image,
        names=("status", "failures"),
    )


def _judged(pod: Pod, arguments: list[str]) -> list[Step]:
    """The runner, which may fail, and a container that decides whether its pod has failed."""
    runner = replace(_container("main", pod, arguments), env=[_POD], on_error="continue")
    verdict = replace(
        _container("verdict", pod, command.verdict()),
        env_from=[],
        volume_mounts=[each for each in pod.mounts if each["mountPath"] == HOME],
    )
    return [runner, verdict]


def _task(
    pod: Pod,
    steps: list[Step],
    *,
    image: str | None,
    names: tuple[str, ...],
    optional: tuple[str, ...] = (),
    results: tuple[str, ...] = (),
) -> TaskSpec:
    return TaskSpec(
        params=[
            ParamSpec(name="run", type="array"),
            *(ParamSpec(name=name, type="string") for name in ("engine", *names)),
            # A default, because an object for hundreds of steps must stay small.
            ParamSpec(name="image", type="string", default=image or None),
            *(ParamSpec(name=name, type="string", default="") for name in optional),
            ParamSpec(name="arguments", type="array", default=[]),
        ],
        results=[{"name": name, "type": "string"} for name in results],
        steps=[*([{**pod.first, "name": "install"}] if pod.first else []), *steps],
        volumes=pod.volumes,
    )


def _container(name: str, pod: Pod, arguments: list[str]) -> Step:
    return Step(
        name=name,
        image="$(params.image)",
        image_pull_policy=pod.settings.image_pull_policy,
        command=pod.command,
        args=arguments,
        env_from=pod.env_from,
        volume_mounts=pod.mounts,
    )
