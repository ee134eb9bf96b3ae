"""`[tool.ithaca.NAME]` of a backend for clusters: what Kubernetes knows, for all or named steps.

A backend adds its engine's own settings in subclasses and reads its table with `read`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import msgspec

from ithaca.backends.kubernetes import own
from ithaca.errors import UsageError, suggest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INFRASTRUCTURE_RETRIES = 2


class Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table in which every key is known."""


class Work(Strict, frozen=True, kw_only=True):
    """The volume of a step's files: an `emptyDir`, or a claim of its own that ends with the pod.

    Attributes:
        size: A quantity: the limit of the `emptyDir`, the size of the claim.
        storage_class: Makes it a claim, of this class (`""` is the cluster's default).
        medium: `Memory` keeps an `emptyDir` in memory.
    """

    size: str | None = None
    storage_class: str | None = None
    medium: Literal["Memory"] | None = None


class PodSettings(Strict, frozen=True, kw_only=True):
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
        timeout_grace: Seconds that a pod may live beyond the step's own time limit.
        work: The volume of the step's files.
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
    timeout_grace: int | None = None
    work: Work | None = None


class ClusterSettings(PodSettings, frozen=True, kw_only=True):
    """What can be set of a whole run.

    Attributes:
        namespace: Where it runs; None leaves it to whoever submits.
        url: Address of the engine's UI, for links.
        store: URL of the store that pods read and write.
        store_secret: Secret whose keys become environment variables: the store's credentials.
        store_claim: Claim that holds the store; it is mounted and needs no `store`.
        runner_image: Image whose Ithaca a first container copies into the pod.
        environment: What steps import: `image`, `lock`, `lock:FILE` or `capture`; whoever emits
            manifests says with which digest.
        node_cache: Folder of the node that keeps objects of the store.
        image_pull_secrets: Names of secrets.
        volume_claims: Claims by the name of the notebook's volume.
        infrastructure_retries: Attempts of a step that may be lost to the machine.
        deadline: Seconds that the whole run may take, waiting for people included.
        exit_handler: Whether a last pod records the run's end.
    """

    backend: ClassVar[str]
    """What `--backend` calls it."""

    engine: ClassVar[str]
    """What people call it."""

    variable: ClassVar[re.Pattern[str]]
    """What the engine would substitute in a text."""

    pod: ClassVar[type[PodSettings]] = PodSettings
    """What can be set under `steps.NAME`."""

    own: ClassVar[frozenset[str]] = frozenset()
    """Settings of pods that, set for all, are the whole run's and not each pod's."""

    may_use_variables: ClassVar[frozenset[str]] = frozenset()
    """Settings in which the engine's variables may stand."""

    namespace: str | None = None
    url: str | None = None
    store: str | None = None
    store_secret: str | None = None
    store_claim: str | None = None
    runner_image: str | None = None
    environment: str | None = None
    node_cache: str | None = None
    image_pull_secrets: tuple[str, ...] = ()
    volume_claims: dict[str, str] = {}
    infrastructure_retries: int = INFRASTRUCTURE_RETRIES
    deadline: int | None = None
    exit_handler: bool = True

    @property
    def named(self) -> Mapping[str, PodSettings]:
        """Settings of named steps, the table `steps`."""
        found: Mapping[str, PodSettings] = getattr(self, "steps", {})
        return found

    @classmethod
    def place(cls, setting: str = "") -> str:
        """Where a setting, or the table, is written."""
        return f"tool.ithaca.{cls.backend}.{setting}" if setting else f"[tool.ithaca.{cls.backend}]"


_Settings = TypeVar("_Settings", bound=ClusterSettings)


def read(
    kind: type[_Settings], values: Mapping[str, Any], *, at_least_one: Sequence[str] = ()
) -> _Settings:
    """The settings of a backend, checked.

    Args:
        kind: Its settings; they have a field `steps`.
        values: `[tool.ithaca.NAME]`, with the plain settings that it may override.
        at_least_one: Settings of the whole run, beside `deadline`, that are numbers above 0.

    Raises:
        UsageError: There is no such setting, or it has a wrong value.
    """
    try:
        found = msgspec.convert(dict(values), type=kind)
    except msgspec.ValidationError as error:
        raise _wrong(kind, str(error), values) from None
    counted = {name: getattr(found, name) for name in (*at_least_one, "deadline")}
    pods: dict[str, PodSettings] = {f"steps.{name}.": pod for name, pod in found.named.items()}
    everywhere: dict[str, PodSettings] = {"": found, **pods}
    for place, pod in everywhere.items():
        counted[f"{place}timeout_grace"] = pod.timeout_grace
    for name, number in counted.items():
        if number is not None and number < 1:
            raise _wrong(kind, f"`{name}` must be at least 1, not {number}", values)
    if found.infrastructure_retries < 0:
        raise _wrong(kind, "`infrastructure_retries` is less than nothing", values)
    if found.image is None:
        # A notebook server in a cluster: steps import what it imports.
        return msgspec.structs.replace(found, image=own.image())
    return found


def _wrong(kind: type[ClusterSettings], message: str, values: Mapping[str, Any]) -> UsageError:
    known = [*kind.__struct_fields__]
    odd = [name for name in values if name not in known]
    message = message[:1].lower() + message[1:].replace("`$.", "`").replace("Object ", "the table ")
    return UsageError(
        "ITH650",
        message + (suggest(odd[0], known) if odd else ""),
        where=kind.place(),
        cure=f"settings are: {', '.join(sorted(known))}",
    )
