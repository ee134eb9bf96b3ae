"""`[tool.ithaca.argo]`: what only Argo and Kubernetes know, for all or for named steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ithaca.errors import UsageError
from ithaca.notebook.names import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Backoff(_Strict, frozen=True, kw_only=True):
    """How long Argo waits before the next attempt: `duration`, times `factor`, at most `cap`."""

    duration: str = "10s"
    factor: int = 2
    cap: str = "5m"


class Work(_Strict, frozen=True, kw_only=True):
    """The volume of a step's files: an `emptyDir`, or a claim of its own that ends with the pod.

    Attributes:
        size: A quantity: the limit of the `emptyDir`, the size of the claim.
        storage_class: Makes it a claim, of this class (`""` is the cluster's default).
        medium: `Memory` keeps an `emptyDir` in memory.
    """

    size: str | None = None
    storage_class: str | None = None
    medium: Literal["Memory"] | None = None


class TTL(_Strict, frozen=True, kw_only=True):
    """Seconds after which the Workflow object is deleted; records stay in the store."""

    after_completion: int | None = None
    after_success: int | None = None
    after_failure: int | None = None


class PodGC(_Strict, frozen=True, kw_only=True):
    """When pods are deleted."""

    strategy: Literal[
        "OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion", "OnWorkflowSuccess"
    ] = "OnPodSuccess"
    delay: str | None = None


class PodSettings(_Strict, frozen=True, kw_only=True):
    """What can be set of a pod, for all steps or, under `steps.NAME`, for one.

    Attributes:
        image: The container image.
        image_pull_policy: `Always`, `IfNotPresent` or `Never`.
        python: The kernel's interpreter inside of the image.
        env: Environment variables.
        env_from_secrets: Secrets all of whose keys become environment variables.
        requests: Kubernetes quantities by resource.
        limits: Kubernetes quantities by resource.
        node: Node selector.
        tolerations: As in Kubernetes.
        affinity: As in Kubernetes.
        labels: Labels of the pod.
        annotations: Annotations of the pod.
        service_account: Name of the service account.
        priority_class: Name of the priority class.
        scheduler: Name of the scheduler.
        security_context: The pod's, as in Kubernetes.
        backoff: How long Argo waits between attempts.
        timeout_grace: Seconds that a pod may live beyond the step's own time limit.
        mutexes: Names of mutexes; one step in the namespace holds each at a time.
        work: The volume of the step's files.
        pod_patch: Merged into the pod's spec at last.
    """

    image: str | None = None
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] | None = None
    python: str | None = None
    env: dict[str, str] = {}
    env_from_secrets: tuple[str, ...] | None = None
    requests: dict[str, str | int | float] = {}
    limits: dict[str, str | int | float] = {}
    node: dict[str, str] = {}
    tolerations: tuple[dict[str, Any], ...] | None = None
    affinity: dict[str, Any] | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    service_account: str | None = None
    priority_class: str | None = None
    scheduler: str | None = None
    security_context: dict[str, Any] | None = None
    backoff: Backoff | None = None
    timeout_grace: int | None = None
    mutexes: tuple[str, ...] | None = None
    work: Work | None = None
    pod_patch: dict[str, Any] = {}


class ArgoSettings(PodSettings, frozen=True, kw_only=True):
    """What can be set of the whole workflow; `mutexes` is then held for the whole run.

    Attributes:
        namespace: Where it runs; None leaves it to whoever submits.
        url: Address of Argo's UI, for links.
        store: URL of the store that pods read and write.
        store_secret: Secret whose keys become environment variables: the store's credentials.
        store_claim: Claim that holds the store; it is mounted and needs no `store`.
        runner_image: Image whose Ithaca a first container copies into the pod.
        node_cache: Folder of the node that keeps objects of the store.
        image_pull_secrets: Names of secrets.
        volume_claims: Claims by the name of the notebook's volume.
        infrastructure_retries: Attempts of a step that may be lost to the machine.
        parallel: How many pods run at once.
        priority: Place in the controller's queue.
        deadline: Seconds that the whole run may take, waiting for people included.
        ttl: When the Workflow is deleted.
        pod_gc: When pods are deleted.
        archive_logs: Whether Argo keeps logs too.
        exit_handler: Whether a last pod records the run's end.
        steps: Settings of named steps.
    """

    namespace: str | None = None
    url: str | None = None
    store: str | None = None
    store_secret: str | None = None
    store_claim: str | None = None
    runner_image: str | None = None
    node_cache: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    volume_claims: dict[str, str] = {}
    infrastructure_retries: int = 2
    parallel: int | None = None
    priority: int | None = None
    deadline: int | None = None
    ttl: TTL | None = None
    pod_gc: PodGC | None = None
    archive_logs: bool | None = None
    exit_handler: bool = True
    steps: dict[str, PodSettings] = {}


def read(values: Mapping[str, Any]) -> ArgoSettings:
    """The settings, checked.

    Args:
        values: `[tool.ithaca.argo]`, with the plain settings that it may override.

    Raises:
        UsageError: There is no such setting, or it has a wrong value.

    Example:
        >>> read({"parallel": 4}).parallel
        4
    """
    try:
        found = msgspec.convert(dict(values), type=ArgoSettings)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), values) from None
    counted = {"parallel": found.parallel, "deadline": found.deadline}
    for place, pod in {"": found, **{f"steps.{k}.": v for k, v in found.steps.items()}}.items():
        counted[f"{place}timeout_grace"] = pod.timeout_grace
    for name, number in counted.items():
        if number is not None and number < 1:
            raise _wrong(f"`{name}` must be at least 1, not {number}", values)
    if found.infrastructure_retries < 0:
        raise _wrong("`infrastructure_retries` is less than nothing", values)
    return found


def _wrong(message: str, values: Mapping[str, Any]) -> UsageError:
    known = [name for kind in (ArgoSettings, PodSettings) for name in kind.__struct_fields__]
    odd = [name for name in values if name not in known]
    near = nearest(odd[0], known) if odd else None
    return UsageError(
        "ITH650",
        message[:1].lower() + message[1:].replace("`$.", "`").replace("Object ", "the table "),
        where="[tool.ithaca.argo]",
        cure=f"did you mean `{near}`?" if near else f"settings are: {', '.join(sorted({*known}))}",
    )
