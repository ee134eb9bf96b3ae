"""The pod of a step as plain data of Kubernetes, built from its tags and settings.

There are three layers, and the later one wins: the settings for all steps, the step's tags, and
the settings under `steps.NAME`. Mappings are merged key by key, everything else is replaced. Each
engine puts the parts of the pod where its own objects have them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes import command, names
from ithaca.backends.kubernetes.native import native
from ithaca.backends.kubernetes.settings import ClusterSettings, PodSettings, Work
from ithaca.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ithaca.model.workflow import Step, Volume

GRACE = 600
"""Seconds that a pod may take for image, restore and snapshot, in addition to its cells."""

_JOINED = ("env", "node", "labels", "annotations")
_OF_STEPS = ("requests", "limits", "work")
"""Settings for all steps that the pod that records the end does not get: it runs no cells."""


@dataclass(kw_only=True)
class Pod:
    """A pod with the runner; its dicts and lists are as Kubernetes documents them.

    Attributes:
        settings: The settings that apply to it.
        copied: Whether an init container copies Ithaca into it.
        resources: Requests and limits of the container.
        mounts: Volume mounts of the container.
        first: The init container, if there is one.
    """

    settings: PodSettings
    copied: bool
    env: list[dict[str, Any]] = field(default_factory=list)
    env_from: list[dict[str, Any]] = field(default_factory=list)
    resources: dict[str, dict[str, str]] = field(default_factory=dict)
    mounts: list[dict[str, Any]] = field(default_factory=list)
    volumes: list[dict[str, Any]] = field(default_factory=list)
    tolerations: list[dict[str, Any]] = field(default_factory=list)
    affinity: dict[str, Any] | None = None
    security_context: dict[str, Any] | None = None
    first: dict[str, Any] | None = None

    @property
    def command(self) -> list[str]:
        """The command that starts the runner."""
        return command.interpreter(copied=self.copied)

    def container(self, arguments: list[str]) -> dict[str, Any]:
        """The container of the runner, without a name."""
        content = {
            "image": self.settings.image,
            "imagePullPolicy": self.settings.image_pull_policy,
            "command": self.command,
            "args": arguments,
            "env": self.env,
            "envFrom": self.env_from,
            "resources": self.resources,
            "volumeMounts": self.mounts,
        }
        return {name: value for name, value in content.items() if value}

    def spec(self) -> dict[str, Any]:
        """What the pod has beside its container."""
        content = {
            "initContainers": [self.first] if self.first else None,
            "volumes": self.volumes,
            "nodeSelector": self.settings.node,
            "tolerations": self.tolerations,
            "affinity": self.affinity,
            "securityContext": self.security_context,
            "serviceAccountName": self.settings.service_account,
            "priorityClassName": self.settings.priority_class,
            "schedulerName": self.settings.scheduler,
        }
        return {name: value for name, value in content.items() if value}

    def attach(self, volume: dict[str, Any], path: str, *, read_only: bool = False) -> None:
        """Add a volume and mount it."""
        self.volumes.append(volume)
        mount = {"name": volume["name"], "mountPath": path}
        self.mounts.append({**mount, "readOnly": True} if read_only else mount)


def pod_settings(settings: ClusterSettings, step: Step) -> PodSettings:
    """The settings that apply to one step."""
    named = settings.named.get(step.name, settings.pod())
    chosen: dict[str, Any] = {}
    for name in settings.pod.__struct_fields__:
        value = getattr(named, name)
        if name in settings.for_run:
            chosen[name] = value
        elif name in _JOINED:
            chosen[name] = {**getattr(settings, name), **getattr(step, name), **value}
        else:
            chosen[name] = getattr(settings, name) if value is None else value
    chosen["requests"], chosen["limits"] = _amounts(settings, step, named)
    chosen["image"] = named.image or step.image or settings.image or settings.runner_image
    return settings.pod(**chosen)


def step_pod(step: Step, volumes: Iterable[Volume], settings: ClusterSettings) -> Pod:
    """The pod of a step.

    Args:
        step: The step.
        volumes: The notebook's volumes.
        settings: The backend's settings.

    Raises:
        UsageError: A volume has no claim, or Kubernetes does not accept a table.
    """
    found = _pod(pod_settings(settings, step), settings)
    found.env = _environment(found.settings, step, settings)
    volumes = tuple(volumes)
    labels = names.labels(f"data-{volume.name}" for volume in volumes)
    for volume in volumes:
        _mount(found, volume, labels[f"data-{volume.name}"], settings)
    return found


def end_pod(step: Step, settings: ClusterSettings) -> Pod:
    """The pod that records the run's end.

    Args:
        step: The step whose image is used when no image is set for all.
        settings: The backend's settings.
    """
    kept = {
        name: getattr(settings, name)
        for name in settings.pod.__struct_fields__
        if name not in (*_OF_STEPS, *settings.for_run)
    }
    image = settings.runner_image or settings.image or pod_settings(settings, step).image
    found = _pod(settings.pod(**{**kept, "image": image}), settings)
    found.env = _plain(found.settings.env, settings)
    return found


def preparing_pod(step: Step, settings: ClusterSettings) -> Pod:
    """The pod that installs the environment for a step's image, on the same nodes as the step.

    Args:
        step: The step.
        settings: The backend's settings.
    """
    pod = pod_settings(settings, step)
    kept = {
        name: getattr(pod, name) for name in pod.__struct_fields__ if name not in settings.for_run
    }
    for name in ("requests", "limits"):  # only cells need devices
        kept[name] = {what: amount for what, amount in kept[name].items() if "/" not in what}
    found = _pod(settings.pod(**kept), settings)
    found.env = _with_name(_plain(found.settings.env, settings))
    return found


def time_limit(step: Step, pod: PodSettings) -> int | None:
    """The time limit of a pod in seconds; None if the step has no limit."""
    if step.timeout is None:
        return None
    return math.ceil(step.timeout) + (pod.timeout_grace or GRACE)


def _pod(pod: PodSettings, settings: ClusterSettings) -> Pod:
    copied = settings.runner_image is not None and pod.image != settings.runner_image
    found = Pod(settings=pod, copied=copied)
    found.resources = {
        name: {resource: str(amount) for resource, amount in amounts.items()}
        for name, amounts in (("requests", pod.requests), ("limits", pod.limits))
        if amounts
    }
    found.env_from = _secrets(pod, settings)
    found.volumes = [_work(pod.work or Work())]
    found.mounts = [
        {"name": "ithaca-work", "mountPath": command.WORK},
        {"name": "ithaca-work", "mountPath": command.ROOT, "subPath": "project"},
    ]
    place = settings.place
    found.tolerations = [
        native("Toleration", each, place("tolerations")) for each in pod.tolerations or ()
    ]
    if pod.affinity is not None:
        found.affinity = native("Affinity", pod.affinity, place("affinity"))
    if pod.security_context is not None:
        found.security_context = native(
            "PodSecurityContext", pod.security_context, place("security_context")
        )
    if copied:
        _copy(found, settings)
    if settings.store_claim is not None:
        store = {"name": "ithaca-store", **_claim(settings.store_claim)}
        found.attach(store, command.STORE)
    if settings.node_cache is not None:
        folder = {"path": settings.node_cache, "type": "DirectoryOrCreate"}
        found.attach({"name": "ithaca-cache", "hostPath": folder}, command.CACHE)
    return found


def _copy(pod: Pod, settings: ClusterSettings) -> None:
    """Add an init container that copies Ithaca from the runner image."""
    pod.attach({"name": "ithaca", "emptyDir": {}}, command.HOME, read_only=True)
    pod.first = {
        "name": "ithaca",
        "image": settings.runner_image,
        "command": command.install(),
        "volumeMounts": [{"name": "ithaca", "mountPath": command.COPY}],
    }
    if settings.image_pull_policy:
        pod.first["imagePullPolicy"] = settings.image_pull_policy


def _mount(pod: Pod, volume: Volume, name: str, settings: ClusterSettings) -> None:
    claim = settings.volume_claims.get(volume.name, volume.claim)
    if claim is None:
        raise UsageError(
            "ITH653",
            f"the volume has a path on this machine ({volume.path}) and no claim, so pods cannot "
            "mount it",
            where=f"volume {volume.name}",
            cure="set `claim` in the notebook's metadata, or "
            f"`{volume.name} = CLAIM` under [tool.ithaca.{settings.backend}.volume_claims]",
        )
    source = {"name": name, **_claim(claim, read_only=volume.read_only)}
    pod.attach(source, volume.mount_path, read_only=volume.read_only)


def _claim(name: str, *, read_only: bool = False) -> dict[str, Any]:
    source: dict[str, Any] = {"claimName": name}
    if read_only:
        source["readOnly"] = True
    return {"persistentVolumeClaim": source}


def _work(wanted: Work) -> dict[str, Any]:
    if wanted.storage_class is None:
        folder = {"medium": wanted.medium, "sizeLimit": wanted.size}
        content = {name: value for name, value in folder.items() if value is not None}
        return {"name": "ithaca-work", "emptyDir": content}
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": wanted.size or "10Gi"}},
    }
    if wanted.storage_class:
        spec["storageClassName"] = wanted.storage_class
    return {"name": "ithaca-work", "ephemeral": {"volumeClaimTemplate": {"spec": spec}}}


def _secrets(pod: PodSettings, settings: ClusterSettings) -> list[dict[str, Any]]:
    own = {"prefix": command.STORE_PREFIX, "secretRef": {"name": settings.store_secret}}
    return [
        *([own] if settings.store_secret else []),
        *({"secretRef": {"name": name}} for name in dict.fromkeys(pod.env_from_secrets or ())),
    ]


def _plain(env: Mapping[str, str], settings: ClusterSettings) -> list[dict[str, Any]]:
    return [
        {"name": name, "value": names.environment_value(text)}
        for name, text in sorted(env.items())
        # The runner sets this variable itself: the workflow has its value.
        if not settings.variable.search(text)
    ]


def _environment(pod: PodSettings, step: Step, settings: ClusterSettings) -> list[dict[str, Any]]:
    secret = {each.env for each in step.secrets}
    plain = {name: text for name, text in pod.env.items() if name not in secret}
    variables = _plain(plain, settings)
    for each in step.secrets:
        key = {"key": each.key, "name": each.secret}
        variables.append({"name": each.env, "valueFrom": {"secretKeyRef": key}})
    return _with_name(variables)


def _with_name(variables: list[dict[str, Any]]) -> list[dict[str, Any]]:
    own = {"fieldRef": {"fieldPath": "metadata.name"}}
    both = [*variables, {"name": command.POD, "valueFrom": own}]
    return sorted(both, key=lambda variable: str(variable["name"]))


def _amounts(
    settings: ClusterSettings, step: Step, named: PodSettings
) -> tuple[dict[str, str], dict[str, str]]:
    """Requests and limits; a layer that sets a resource replaces both of the layer before.

    Otherwise a general request could exceed the limit that a step's tag sets.
    """
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}
    for layer in (settings, step.resources, named):
        for resource in (*layer.requests, *layer.limits):
            requests.pop(resource, None)
            limits.pop(resource, None)
        requests.update({name: str(amount) for name, amount in layer.requests.items()})
        limits.update({name: str(amount) for name, amount in layer.limits.items()})
    for resource, amount in requests.items():
        if "/" in resource:  # for devices, Kubernetes requires a limit equal to the request
            limits.setdefault(resource, amount)
    return dict(sorted(requests.items())), dict(sorted(limits.items()))
