"""`[tool.ithaca.NAME]` of a cluster backend: settings for all steps, or for named ones.

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
    """A table that refuses unknown keys."""


class Work(Strict, frozen=True, kw_only=True):
    """The volume of a step's files: an `emptyDir`, or a claim that is deleted with the pod.

    Attributes:
        size: The limit of the `emptyDir`, or the size of the claim.
        storage_class: Use a claim of this class (`""` is the cluster's default).
        medium: `Memory` keeps an `emptyDir` in memory.
    """

    size: str | None = None
    storage_class: str | None = None
    medium: Literal["Memory"] | None = None


class PodSettings(Strict, frozen=True, kw_only=True):
    """Settings of a pod: for all steps, or under `steps.NAME` for one.

    Attributes:
        image: The container image.
        image_pull_policy: `Always`, `IfNotPresent` or `Never`.
        python: The kernel's interpreter inside the image.
        env: Environment variables.
        env_from_secrets: Secrets whose keys all become environment variables.
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
        security_context: The pod's security context, as in Kubernetes.
        timeout_grace: Seconds that a pod may run beyond the step's own time limit.
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
    """Settings of a whole run.

    Attributes:
        namespace: The namespace to run in; None: that of the kubeconfig.
        url: Address of the engine's UI, for links.
        store: URL of the store that pods read and write.
        store_secret: Secret with the store's credentials, as environment variables.
        store_claim: Claim that holds the store; it is mounted, and `store` is not needed.
        runner_image: Image from which an init container copies Ithaca into the pod.
        environment: What steps import: `image`, `lock`, `lock:FILE` or `capture`; the digest is
            added when objects are built.
        node_cache: Folder of the node that caches objects of the store.
        image_pull_secrets: Names of secrets.
        volume_claims: Claims by the name of the notebook's volume.
        infrastructure_retries: How many attempts of a step may be lost to failures of nodes.
        deadline: Seconds that the whole run may take, including the time it waits for people.
        exit_handler: Whether a last pod records the run's end.
    """

    backend: ClassVar[str]
    """Its name in `--backend`."""

    engine: ClassVar[str]
    """The engine's name in messages."""

    variable: ClassVar[re.Pattern[str]]
    """Matches what the engine would substitute in a text."""

    pod: ClassVar[type[PodSettings]] = PodSettings
    """The settings that are allowed under `steps.NAME`."""

    for_run: ClassVar[frozenset[str]] = frozenset()
    """Settings of pods that, set for all steps, apply to the run and not to each pod."""

    may_use_variables: ClassVar[frozenset[str]] = frozenset()
    """Settings that may contain the engine's variables."""

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
        """The table `steps`: settings of named steps."""
        found: Mapping[str, PodSettings] = getattr(self, "steps", {})
        return found

    @classmethod
    def place(cls, setting: str = "") -> str:
        """The name of a setting, or of the table, in messages."""
        return f"tool.ithaca.{cls.backend}.{setting}" if setting else f"[tool.ithaca.{cls.backend}]"


_Settings = TypeVar("_Settings", bound=ClusterSettings)


def read(
    kind: type[_Settings], values: Mapping[str, Any], *, at_least_one: Sequence[str] = ()
) -> _Settings:
    """Read and validate the settings of a backend.

    Args:
        kind: The type of the settings; it has a field `steps`.
        values: `[tool.ithaca.NAME]`, joined with the general settings that it may override.
        at_least_one: The backend's own settings that must be at least 1.

    Raises:
        UsageError: A setting is unknown or has a wrong value.
    """
    try:
        found = msgspec.convert(dict(values), type=kind)
    except msgspec.ValidationError as error:
        raise _wrong(kind, str(error), values) from None
    positive = (*at_least_one, "deadline", "timeout_grace")
    numbers: dict[str, int | None] = {name: getattr(found, name) for name in positive}
    for name, pod in found.named.items():
        numbers[f"steps.{name}.timeout_grace"] = pod.timeout_grace
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise _wrong(kind, f"`{name}` must be at least 1 (got {number})", values)
    if (lost := found.infrastructure_retries) < 0:
        raise _wrong(kind, f"`infrastructure_retries` must be at least 0 (got {lost})", values)
    if found.image is None:
        # On a notebook server in a cluster, the image of that server is the default.
        return msgspec.structs.replace(found, image=own.image())
    return found


def _wrong(kind: type[ClusterSettings], message: str, values: Mapping[str, Any]) -> UsageError:
    known = [*kind.__struct_fields__]
    unknown = [name for name in values if name not in known]
    message = message[:1].lower() + message[1:].replace("`$.", "`").replace("Object ", "the table ")
    return UsageError(
        "ITH650",
        message + (suggest(unknown[0], known) if unknown else ""),
        where=kind.place(),
        cure=f"known settings: {', '.join(sorted(known))}",
    )
