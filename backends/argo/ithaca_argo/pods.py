"""Argo's template of a pod."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from hera.workflows import models as m

from ithaca.backends.kubernetes import pods
from ithaca.backends.kubernetes.command import ANSWERS, EXECUTION, METRICS
from ithaca.model.run import FINAL
from ithaca_argo import command, names
from ithaca_argo.settings import Backoff, PodSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.backends.kubernetes.pods import Pod
    from ithaca.model.workflow import Step, Volume
    from ithaca_argo.settings import ArgoSettings


def step_pod(step: Step, volumes: tuple[Volume, ...], settings: ArgoSettings) -> m.Template:
    """The template of a step's pod, without its name."""
    pod = pods.step_pod(step, volumes, settings)
    own = _own(pod)
    limit = step.retries + settings.infrastructure_retries
    arguments = command.step(
        _place(own, settings)._replace(memory=pod.resources.get("limits", {}).get("memory")),
        deadline=settings.deadline,
        lost=settings.infrastructure_retries,
        retried=limit > 0,
        asked=step.approval is not None,
    )
    template = _template(pod, arguments, label="{{inputs.parameters.label}}")
    seconds = pods.time_limit(step, own)
    if seconds is not None:
        template.active_deadline_seconds = m.IntOrString(root=seconds)
    if limit:
        template.retry_strategy = _retries(limit, pod)
    inputs = ["step", "label", "parents", *(ANSWERS if step.approval is not None else ())]
    template.inputs = m.Inputs(parameters=[m.Parameter(name=each) for each in inputs])
    template.outputs = m.Outputs(
        # Without a default, Argo fails the workflow when a step was skipped.
        parameters=[
            m.Parameter(name=name, value_from=m.ValueFrom(path=path, default=""))
            for name, path in (("execution", EXECUTION), ("metrics", METRICS))
        ]
    )
    return template


def end_pod(step: Step, settings: ArgoSettings) -> m.Template:
    """The template of the pod that records the run's end.

    Args:
        step: The step whose image is used when no image is set for all.
        settings: The backend's settings.
    """
    pod = pods.end_pod(step, settings)
    template = _template(pod, command.end(settings.deadline), label=names.END)
    template.name = names.END
    template.retry_strategy = _retries(max(1, settings.infrastructure_retries), pod)
    return template


def preparing_pod(name: str, step: Step, settings: ArgoSettings) -> m.Template:
    """The template of a pod that installs the environment for a step's image.

    Args:
        name: Name of the template.
        step: The step.
        settings: The backend's settings.
    """
    pod = pods.preparing_pod(step, settings)
    own, lost = _own(pod), settings.infrastructure_retries
    template = _template(pod, command.prepare(_place(own, settings), lost=lost), label=name)
    template.name = name
    template.inputs = m.Inputs(parameters=[m.Parameter(name="step")])
    if lost:
        template.retry_strategy = _retries(lost, pod)
    return template


def mutexes(names: tuple[str, ...] | None) -> m.Synchronization | None:
    """The mutexes that a template or a workflow holds."""
    return m.Synchronization(mutexes=[m.Mutex(name=each) for each in names]) if names else None


def patch(content: Mapping[str, Any]) -> str | None:
    """A patch of the pod's spec in Argo's form, as a JSON text."""
    return json.dumps(content, sort_keys=True) if content else None


def _place(pod: PodSettings, settings: ArgoSettings) -> command.Place:
    return command.Place(pod.image or "", pod.python, settings.environment)


def _own(pod: Pod) -> PodSettings:
    return cast("PodSettings", pod.settings)


def _template(pod: Pod, arguments: list[str], *, label: str) -> m.Template:
    own = _own(pod)
    content = {
        **pod.spec(),
        "container": pod.container(arguments),
        "podSpecPatch": patch(own.pod_patch),
        "metadata": {
            "labels": {"ithaca/step": label, **own.labels},
            "annotations": own.annotations or None,
        },
    }
    template = m.Template.model_validate(content)
    template.synchronization = mutexes(own.mutexes)
    return template


def _retries(limit: int, pod: Pod) -> m.RetryStrategy:
    """Always retry, unless the runner's exit code says that no attempt is left."""
    backoff = _own(pod).backoff or Backoff()
    return m.RetryStrategy(
        limit=m.IntOrString(root=limit),
        retry_policy="Always",
        expression=f'lastRetry.exitCode != "{FINAL}"',
        backoff=m.Backoff(
            duration=backoff.duration,
            factor=m.IntOrString(root=backoff.factor),
            cap=backoff.cap,
        ),
    )
