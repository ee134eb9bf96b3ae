"""The Tasks of a notebook: pods whose differences fit into parameters share one.

Image, step, parents and arguments are parameters. Tekton has none for what is mounted, for whole
secrets and for the policy of pulling, so that pods which differ there have Tasks of their own. What
a pod asks of the cluster (nodes, amounts, variables) stands in the run's `taskRunSpecs`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes.command import HOME, POD
from ithaca_tekton import command

if TYPE_CHECKING:
    from ithaca.backends.kubernetes.pods import Pod
    from ithaca_tekton.settings import TektonSettings

Spec = dict[str, Any]

_POD = {"name": POD, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}


def step_task(pod: Pod, settings: TektonSettings) -> Spec:
    """What steps with such pods share.

    The runner's own exit code says whether another attempt can help, and Tekton repeats whatever
    failed. So the container of the runner may fail, and a last one fails the pod when an attempt
    is worth another one. It also keeps Tekton going: in a run in which a pod failed for good it
    would start nothing more, while steps that do not need the failed one have to run.
    """
    lost, environment = settings.infrastructure_retries, settings.environment
    deadline = settings.deadline
    answer = "decision" if settings.approval_task is None else "asked"
    told = command.step(deadline=deadline, lost=lost, environment=environment, answer=answer)
    return _task(
        pod,
        _judged(pod, told),
        image=settings.image,
        names=("step", "parents"),
        optional=("python", "memory", answer),
        results=("execution", "metrics"),
    )


def prepare_task(pod: Pod, settings: TektonSettings) -> Spec:
    """The Task that installs an environment.

    It never fails Tekton's run: a step that misses its environment says so itself.
    """
    lost, environment = settings.infrastructure_retries, settings.environment
    return _task(
        pod,
        _judged(pod, command.prepare(lost=lost, environment=environment)),
        image=settings.image,
        names=("preparing",),
        optional=("python",),
    )


def gate_task(pod: Pod, settings: TektonSettings) -> Spec:
    """The Task that waits for a person."""
    return _task(
        pod,
        [_container("main", pod, command.gate())],
        image=settings.image,
        names=("asking",),
        results=("decision",),
    )


def end_task(pod: Pod, settings: TektonSettings) -> Spec:
    """The Task that records the run's end; it fails when the run did, for all to see."""
    return _task(
        pod,
        [_container("main", pod, command.end(settings.deadline))],
        image=settings.image,
        names=("status", "failures"),
    )


def _judged(pod: Pod, arguments: list[str]) -> list[dict[str, Any]]:
    """The runner, which may fail, and what makes of its exit code what Tekton understands."""
    runner = {**_container("main", pod, arguments), "env": [_POD], "onError": "continue"}
    verdict = _plain("verdict", pod, command.verdict())
    mounts = [each for each in pod.mounts if each["mountPath"] == HOME]
    return [runner, {**verdict, "volumeMounts": mounts} if mounts else verdict]


def _task(
    pod: Pod,
    steps: list[dict[str, Any]],
    *,
    image: str | None,
    names: tuple[str, ...],
    optional: tuple[str, ...] = (),
    results: tuple[str, ...] = (),
) -> Spec:
    spec: Spec = {
        "params": [
            {"name": "run", "type": "array"},
            *({"name": name, "type": "string"} for name in ("engine", *names)),
            # Said once: an object for hundreds of steps has to stay small.
            {"name": "image", "type": "string", **({"default": image} if image else {})},
            *({"name": name, "type": "string", "default": ""} for name in optional),
            {"name": "arguments", "type": "array", "default": []},
        ],
    }
    if results:
        spec["results"] = [{"name": name, "type": "string"} for name in results]
    spec["steps"] = [*([_first(pod.first)] if pod.first else []), *steps]
    spec["volumes"] = pod.volumes
    return spec


def _first(container: dict[str, Any]) -> dict[str, Any]:
    return {**container, "name": "install"}


def _container(name: str, pod: Pod, arguments: list[str]) -> dict[str, Any]:
    content = {
        **_plain(name, pod, arguments),
        "envFrom": pod.env_from,
        "volumeMounts": pod.mounts,
    }
    return {key: value for key, value in content.items() if value}


def _plain(name: str, pod: Pod, arguments: list[str]) -> dict[str, Any]:
    content: dict[str, Any] = {"name": name, "image": "$(params.image)"}
    if pod.settings.image_pull_policy:
        content["imagePullPolicy"] = pod.settings.image_pull_policy
    return {**content, "command": pod.command, "args": arguments}
