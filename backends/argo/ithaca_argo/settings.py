"""`[tool.ithaca.argo]`: the settings that only Argo has, beside those of every cluster backend."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Literal

import msgspec

from ithaca.backends.kubernetes import settings as shared
from ithaca.backends.kubernetes.settings import ClusterSettings, Strict


class Backoff(Strict, frozen=True, kw_only=True):
    """The time between attempts: `duration`, multiplied by `factor` each time, at most `cap`."""

    duration: str = "10s"
    factor: int = 2
    cap: str = "5m"


class TTL(Strict, frozen=True, kw_only=True):
    """Seconds after which the Workflow object is deleted; the run's records stay in the store."""

    after_completion: int | None = None
    after_success: int | None = None
    after_failure: int | None = None


class PodGC(Strict, frozen=True, kw_only=True):
    """When pods are deleted."""

    strategy: Literal[
        "OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion", "OnWorkflowSuccess"
    ] = "OnPodSuccess"
    delay: str | None = None


class PodSettings(shared.PodSettings, frozen=True, kw_only=True):
    """Settings of a pod: for all steps, or under `steps.NAME` for one.

    Attributes:
        backoff: The time between attempts.
        mutexes: Names of mutexes; one step in the namespace holds each at a time.
        pod_patch: Merged into the final spec of the pod.
    """

    backoff: Backoff | None = None
    mutexes: tuple[str, ...] | None = None
    pod_patch: dict[str, Any] = msgspec.field(default_factory=dict)


class ArgoSettings(ClusterSettings, frozen=True, kw_only=True):
    """Settings of the whole workflow.

    Attributes:
        backoff: As in `PodSettings`, for all steps.
        mutexes: Names of mutexes, held for the whole run.
        pod_patch: Merged into the spec of every pod.
        parallel: How many pods run at once.
        priority: Priority in the controller's queue.
        ttl: When the Workflow is deleted.
        pod_gc: When pods are deleted.
        archive_logs: Whether Argo archives logs too.
        steps: Settings of named steps.
    """

    backend: ClassVar[str] = "argo"
    engine: ClassVar[str] = "Argo"
    variable: ClassVar[re.Pattern[str]] = re.compile(r"\{\{")
    pod: ClassVar[type[shared.PodSettings]] = PodSettings
    # Set for all steps, a mutex is held by the whole run, and a patch is set on the workflow.
    for_run: ClassVar[frozenset[str]] = frozenset({"mutexes", "pod_patch"})
    may_use_variables: ClassVar[frozenset[str]] = frozenset({"pod_patch"})

    backoff: Backoff | None = None
    mutexes: tuple[str, ...] | None = None
    pod_patch: dict[str, Any] = msgspec.field(default_factory=dict)
    parallel: int | None = None
    priority: int | None = None
    ttl: TTL | None = None
    pod_gc: PodGC | None = None
    archive_logs: bool | None = None
    steps: dict[str, PodSettings] = msgspec.field(default_factory=dict)
