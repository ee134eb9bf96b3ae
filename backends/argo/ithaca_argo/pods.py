"""The pod of one step: its tags and settings, each in its field.

Three layers, the later one wins: the settings for all steps, the step's tags, the settings under
`steps.NAME`. Mappings are joined key by key, everything else is replaced.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import msgspec
from hera.workflows import models as m

from ithaca.errors import UsageError
from ithaca_argo import command, names
from ithaca_argo.native import native
from ithaca_argo.settings import ArgoSettings, Backoff, PodSettings, Work

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ithaca.workflow.model import Step, Volume

GRACE = 600
"""Seconds that a pod may take, beyond its cells, for images, restore and snapshot."""

_JOINED = ("env", "node", "labels", "annotations")


def settled(settings: ArgoSettings, step: Step) -> PodSettings:
    """What counts for one step."""
    own = settings.steps.get(step.name, PodSettings())
    tags: dict[str, dict[str, str]] = {
        "env": dict(step.env),
        "node": dict(step.node),
        "labels": dict(step.labels),
        "annotations": dict(step.annotations),
    }
    joined = {
        name: {**getattr(settings, name), **tags[name], **getattr(own, name)} for name in _JOINED
    }
    chosen: dict[str, Any] = {}
    for name in PodSettings.__struct_fields__:
        # A general mutex is the whole run's and a general patch the workflow's, not each pod's.
        general = None if name in ("mutexes", "pod_patch") else getattr(settings, name)
        told = getattr(own, name)
        chosen[name] = general if told is None else told
    requests, limits = _amounts(settings, step, own)
    image = own.image or step.image or settings.image or settings.runner_image
    return PodSettings(
        **{**chosen, **joined, "requests": requests, "limits": limits, "image": image}
    )


def step_pod(step: Step, volumes: tuple[Volume, ...], settings: ArgoSettings) -> m.Template:
    """The template of a step's pod, without its name."""
    pod = settled(settings, step)
    limit = step.retries + settings.infrastructure_retries
    template = _pod(pod, settings)
    assert template.container is not None
    template.container.args = command.step(
        image=pod.image or "",
        python=pod.python,
        lost=settings.infrastructure_retries,
        retried=limit > 0,
        asked=step.approval is not None,
    )
    template.container.env = _environment(pod, step)
    named = names.tasks(f"data-{volume.name}" for volume in volumes)
    for volume in volumes:
        _mount(template, volume, named[f"data-{volume.name}"], settings)
    if step.timeout is not None:
        template.active_deadline_seconds = m.IntOrString(
            root=math.ceil(step.timeout) + (pod.timeout_grace or GRACE)
        )
    if limit:
        template.retry_strategy = _retries(limit, pod.backoff or Backoff())
    inputs = ["step", "label", "parents", *(command.ANSWERS if step.approval is not None else ())]
    template.inputs = m.Inputs(parameters=[m.Parameter(name=each) for each in inputs])
    template.outputs = m.Outputs(
        # A default, since Argo refuses to go on without one when a step was skipped.
        parameters=[
            m.Parameter(name=name, value_from=m.ValueFrom(path=path, default=""))
            for name, path in (("execution", command.EXECUTION), ("metrics", command.METRICS))
        ]
    )
    labels = {"ithaca/step": "{{inputs.parameters.label}}", **pod.labels}
    template.metadata = m.Metadata(labels=labels, annotations=pod.annotations or None)
    return template


def end_pod(step: Step, settings: ArgoSettings) -> m.Template:
    """The template of the pod that records the run's end.

    Args:
        step: One whose image it has when no image is set for all.
        settings: What is set.
    """
    pod = PodSettings(
        **{name: getattr(settings, name) for name in PodSettings.__struct_fields__
           if name not in ("requests", "limits", "mutexes", "pod_patch", "work")}
    )  # fmt: skip
    image = settings.runner_image or settings.image or settled(settings, step).image
    template = _pod(msgspec.structs.replace(pod, image=image), settings)
    assert template.container is not None
    template.container.args = command.end()
    template.container.env = _plain(pod.env) or None
    template.name = names.END
    template.retry_strategy = _retries(
        max(1, settings.infrastructure_retries), pod.backoff or Backoff()
    )
    labels = {"ithaca/step": names.END, **pod.labels}
    template.metadata = m.Metadata(labels=labels, annotations=pod.annotations or None)
    return template


def _pod(pod: PodSettings, settings: ArgoSettings) -> m.Template:
    copied = settings.runner_image is not None and pod.image != settings.runner_image
    container = m.Container(
        image=pod.image,
        image_pull_policy=pod.image_pull_policy,
        command=command.interpreter(copied=copied),
        env_from=_secrets(pod, settings),
        resources=_resources(pod),
        volume_mounts=[
            m.VolumeMount(name="ithaca-work", mount_path=command.WORK),
            m.VolumeMount(name="ithaca-work", mount_path=command.ROOT, sub_path="project"),
        ],
    )
    template = m.Template(
        container=container,
        volumes=[_work(pod.work or Work())],
        node_selector=pod.node or None,
        tolerations=[native(m.Toleration, each, "tolerations") for each in pod.tolerations or ()]
        or None,
        affinity=None if pod.affinity is None else native(m.Affinity, pod.affinity, "affinity"),
        service_account_name=pod.service_account,
        priority_class_name=pod.priority_class,
        scheduler_name=pod.scheduler,
        security_context=None
        if pod.security_context is None
        else native(m.PodSecurityContext, pod.security_context, "security_context"),
        synchronization=mutexes(pod.mutexes),
        pod_spec_patch=patch(pod.pod_patch),
    )
    if copied:
        _copy(template, settings)
    if settings.store_claim is not None:
        _attach(template, m.Volume(name="ithaca-store", persistent_volume_claim=_claim(
            settings.store_claim, read_only=False)), command.STORE)  # fmt: skip
    if settings.node_cache is not None:
        source = m.HostPathVolumeSource(path=settings.node_cache, type="DirectoryOrCreate")
        _attach(template, m.Volume(name="ithaca-cache", host_path=source), command.CACHE)
    return template


def mutexes(wanted: tuple[str, ...] | None) -> m.Synchronization | None:
    """The mutexes that are held together."""
    return m.Synchronization(mutexes=[m.Mutex(name=each) for each in wanted]) if wanted else None


def patch(content: Mapping[str, Any]) -> str | None:
    """A patch of the pod's spec as Argo takes it."""
    return json.dumps(content, sort_keys=True) if content else None


def _copy(template: m.Template, settings: ArgoSettings) -> None:
    """Let a first container of the runner image bring Ithaca into an image that has none."""
    _attach(
        template, m.Volume(name="ithaca", empty_dir=m.EmptyDirVolumeSource()), command.HOME, True
    )
    template.init_containers = [
        m.UserContainer(
            name="ithaca",
            image=settings.runner_image,
            image_pull_policy=settings.image_pull_policy,
            command=command.install(),
            volume_mounts=[m.VolumeMount(name="ithaca", mount_path="/ithaca-copy")],
        )
    ]


def _attach(
    template: m.Template, volume: m.Volume, path: str, read_only: bool | None = None
) -> None:
    assert template.container is not None
    template.volumes = [*(template.volumes or []), volume]
    mount = m.VolumeMount(name=volume.name, mount_path=path, read_only=read_only)
    template.container.volume_mounts = [*(template.container.volume_mounts or []), mount]


def _mount(template: m.Template, volume: Volume, name: str, settings: ArgoSettings) -> None:
    claim = settings.volume_claims.get(volume.name, volume.claim)
    if claim is None:
        raise UsageError(
            "ITH653",
            f"the volume has the path {volume.path}, which a cluster has not",
            where=f"volume {volume.name}",
            cure="give it a `claim` in the notebook's metadata, or name one under "
            f"[tool.ithaca.argo.volume_claims]: {volume.name} = CLAIM",
        )
    source = _claim(claim, read_only=volume.read_only)
    _attach(
        template,
        m.Volume(name=name, persistent_volume_claim=source),
        volume.mount_path,
        volume.read_only or None,
    )


def _claim(name: str, *, read_only: bool) -> m.PersistentVolumeClaimVolumeSource:
    return m.PersistentVolumeClaimVolumeSource(claim_name=name, read_only=read_only or None)


def _work(wanted: Work) -> m.Volume:
    if wanted.storage_class is None:
        limit = None if wanted.size is None else m.Quantity(root=wanted.size)
        folder = m.EmptyDirVolumeSource(medium=wanted.medium, size_limit=limit)
        return m.Volume(name="ithaca-work", empty_dir=folder)
    spec = m.PersistentVolumeClaimSpec(
        access_modes=["ReadWriteOnce"],
        storage_class_name=wanted.storage_class or None,
        resources=m.VolumeResourceRequirements(
            requests={"storage": m.Quantity(root=wanted.size or "10Gi")}
        ),
    )
    claim = m.EphemeralVolumeSource(
        volume_claim_template=m.PersistentVolumeClaimTemplate(spec=spec)
    )
    return m.Volume(name="ithaca-work", ephemeral=claim)


def _secrets(pod: PodSettings, settings: ArgoSettings) -> list[m.EnvFromSource] | None:
    wanted = [*([settings.store_secret] if settings.store_secret else [])]
    wanted += pod.env_from_secrets or ()
    return [
        m.EnvFromSource(secret_ref=m.SecretEnvSource(name=name)) for name in dict.fromkeys(wanted)
    ] or None


def _plain(env: Mapping[str, str]) -> list[m.EnvVar]:
    return [
        m.EnvVar(name=name, value=names.environment_value(text))
        for name, text in sorted(env.items())
        # Argo would substitute in it; a tag's variable is set by the runner, which has the IR.
        if "{{" not in text
    ]


def _environment(pod: PodSettings, step: Step) -> list[m.EnvVar]:
    secret = {each.env for each in step.secrets}
    variables = _plain({name: text for name, text in pod.env.items() if name not in secret})
    for each in step.secrets:
        key = m.SecretKeySelector(name=each.secret, key=each.key)
        variables.append(m.EnvVar(name=each.env, value_from=m.EnvVarSource(secret_key_ref=key)))
    own = m.ObjectFieldSelector(field_path="metadata.name")
    variables.append(m.EnvVar(name=command.POD, value_from=m.EnvVarSource(field_ref=own)))
    return sorted(variables, key=lambda variable: variable.name)


def _amounts(
    settings: ArgoSettings, step: Step, own: PodSettings
) -> tuple[dict[str, str], dict[str, str]]:
    """Requests and limits; a layer that says anything of a resource replaces the one before.

    Otherwise a general request could be above the limit that a step's tag sets.
    """
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    for layer in (settings, step.resources, own):
        for resource in (*layer.requests, *layer.limits):
            requests.pop(resource, None)
            limits.pop(resource, None)
        requests.update({name: str(amount) for name, amount in layer.requests.items()})
        limits.update({name: str(amount) for name, amount in layer.limits.items()})
    for resource, amount in requests.items():
        if "/" in resource:  # devices: Kubernetes takes no request without the same limit
            limits.setdefault(resource, amount)
    return dict(sorted(requests.items())), dict(sorted(limits.items()))


def _resources(pod: PodSettings) -> m.ResourceRequirements | None:
    if not pod.requests and not pod.limits:
        return None
    return m.ResourceRequirements(
        requests={name: m.Quantity(root=str(text)) for name, text in pod.requests.items()} or None,
        limits={name: m.Quantity(root=str(text)) for name, text in pod.limits.items()} or None,
    )


def _retries(limit: int, backoff: Backoff) -> m.RetryStrategy:
    """All that Argo needs: the runner says by its exit code when no attempt is left."""
    return m.RetryStrategy(
        limit=m.IntOrString(root=limit),
        retry_policy="Always",
        expression=f'lastRetry.exitCode != "{command.FINAL}"',
        backoff=m.Backoff(
            duration=backoff.duration,
            factor=m.IntOrString(root=backoff.factor),
            cap=backoff.cap,
        ),
    )
