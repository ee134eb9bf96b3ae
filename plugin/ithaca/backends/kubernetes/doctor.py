"""Whether runs can be started in a namespace: what is there, and who may do what.

Nothing is changed; one pod is started for each image and deleted. What the person who asks may
not see is said so, and is no failure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ithaca.backends.kubernetes import credentials, namespace
from ithaca.backends.kubernetes.client import Cluster, Kind
from ithaca.backends.kubernetes.image import images
from ithaca.backends.protocol import Check
from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ithaca.backends.kubernetes.rights import Right, Rights
    from ithaca.backends.kubernetes.settings import ClusterSettings

ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
SECRET = Kind("", "v1", "Secret", "secrets")
CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")

_FORBIDDEN = "ITH661"


class Part(NamedTuple):
    """What one setting needs on a cluster beside the engine.

    Attributes:
        name: What people call it.
        group: Its API group.
        kind: Plural of the kind that is needed.
        cure: How it is installed, or done without.
    """

    name: str
    group: str
    kind: str
    cure: str


class Installed(NamedTuple):
    """What an engine consists of on a cluster.

    Attributes:
        group: Its API group.
        kinds: Plurals of the kinds that are needed.
        controller: End of the name of its controller's deployment.
        rights: Who needs what.
        cure: How it is installed.
        parts: What is needed beside it, as things are set.
    """

    group: str
    kinds: tuple[str, ...]
    controller: str
    rights: Rights
    cure: str
    parts: tuple[Part, ...] = ()


def examine(
    settings: ClusterSettings, engine: Installed, tell: Callable[[str], None]
) -> Iterator[Check]:
    """Look at everything that a run on a cluster needs.

    Args:
        settings: `[tool.ithaca.NAME]`.
        engine: What the engine consists of.
        tell: Told what is being waited for.

    Yields:
        Each thing that was looked at; nothing more where the next thing needs what is missing.
    """
    tell("asking the cluster")
    try:
        cluster = Cluster.connect(namespace=settings.namespace)
        version = (cluster.read("/version") or {}).get("gitVersion", "of an unknown version")
    except BackendError as error:
        yield _failed("cluster", error)
        return
    yield Check("cluster", "ok", f"Kubernetes {version} at {cluster.address}")
    there = _namespace(cluster)
    yield there
    served = tuple(_served(cluster, settings, engine))
    yield from served
    parts = [_part(cluster, each) for each in engine.parts]
    yield from parts
    if any(each.status == "failed" for each in (there, served[0], *parts)):
        return
    yield from _people(cluster, settings, engine.rights)
    needed = []
    for check in _needed(cluster, settings, engine.rights):
        needed.append(check)
        yield check
    if any(check.status == "failed" for check in needed):
        yield Check("pod", "unknown", "none was tried, since it lacks what is missing above")
        return
    yield from images(cluster, settings, tell)


def _needed(cluster: Cluster, settings: ClusterSettings, rights: Rights) -> Iterator[Check]:
    """What pods need to begin."""
    for account in namespace.accounts(settings):
        yield from _account(cluster, settings, rights, account)
    yield from _objects(cluster, settings)


def _apply(cluster: Cluster, settings: ClusterSettings) -> str:
    return (
        f"`ithaca manifests {settings.backend} --namespace {cluster.namespace} | "
        "kubectl apply -f -`"
    )


def _namespace(cluster: Cluster) -> Check:
    name = cluster.namespace
    try:
        found = cluster.read(f"/api/v1/namespaces/{name}")
    except BackendError as error:
        return _unseen("namespace", error, f"{name}: cannot be seen")
    if found is None:
        return Check(
            "namespace",
            "failed",
            f"there is no namespace {name}",
            f"`kubectl create namespace {name}`, or name another in `namespace`",
        )
    return Check("namespace", "ok", name)


def _served(cluster: Cluster, settings: ClusterSettings, engine: Installed) -> Iterator[Check]:
    versions = cluster.versions(engine.group)
    for version in versions:
        listed = (cluster.read(f"/apis/{engine.group}/{version}") or {}).get("resources") or ()
        missing = {*engine.kinds} - {each["name"] for each in listed}
        if not missing:
            break
    else:
        lacks = f"{settings.engine} is not installed: the API server knows no {engine.group}"
        if versions:
            lacks = f"{settings.engine} is installed in part: {', '.join(sorted(missing))} missing"
        yield Check(settings.engine, "failed", lacks, engine.cure)
        return
    told = f"{', '.join(f'{engine.group}/{each}' for each in versions)}"
    yield Check(settings.engine, "ok", f"{told}: {', '.join(engine.kinds)}")
    yield _controller(cluster, engine)


def _part(cluster: Cluster, part: Part) -> Check:
    for version in cluster.versions(part.group):
        listed = (cluster.read(f"/apis/{part.group}/{version}") or {}).get("resources") or ()
        if any(each["name"] == part.kind for each in listed):
            return Check(part.name, "ok", f"{part.group}/{version}: {part.kind}")
    return Check(
        part.name, "failed", f"the API server knows no {part.kind} of {part.group}", part.cure
    )


def _controller(cluster: Cluster, engine: Installed) -> Check:
    try:
        listed = (cluster.read("/apis/apps/v1/deployments") or {}).get("items") or ()
    except BackendError as error:
        return _unseen("controller", error, "its deployment cannot be seen")
    for each in listed:
        if each["metadata"]["name"].endswith(engine.controller):
            [image, *_] = [one["image"] for one in each["spec"]["template"]["spec"]["containers"]]
            place = f"{each['metadata']['namespace']}/{each['metadata']['name']}"
            if each["status"].get("readyReplicas"):
                return Check("controller", "ok", f"{image} ({place})")
            return Check(
                "controller",
                "failed",
                f"{place} has no pod that is ready",
                f"`kubectl describe deployment {each['metadata']['name']} "
                f"--namespace {each['metadata']['namespace']}` says why",
            )
    return Check("controller", "unknown", f"no deployment is called {engine.controller}")


def _people(cluster: Cluster, settings: ClusterSettings, rights: Rights) -> Iterator[Check]:
    role = f"ithaca-{settings.backend}-submit"
    for right in rights.people:
        missing = _missing(cluster, right, None)
        if not missing:
            yield Check("your rights", "ok", f"{', '.join(right.verbs)} {right.resource}")
            continue
        yield Check(
            "your rights",
            "failed",
            f"you may not {', '.join(missing)} {right.resource} in {cluster.namespace}",
            f"somebody who may: {_apply(cluster, settings)}, and `kubectl "
            f"create rolebinding NAME --namespace {cluster.namespace} --role={role} --user=YOU`",
        )


def _account(
    cluster: Cluster, settings: ClusterSettings, rights: Rights, name: str
) -> Iterator[Check]:
    what = "service account"
    cure = _apply(cluster, settings)
    try:
        found = cluster.get(ACCOUNT, name)
    except BackendError as error:
        yield _unseen(what, error, f"{name}: cannot be seen")
        return
    if found is None:
        yield Check(what, "failed", f"there is no {name} in {cluster.namespace}", cure)
        return
    for right in rights.pods:
        try:
            missing = _missing(cluster, right, name)
        except BackendError as error:
            yield _unseen(what, error, f"{name} is there; its rights cannot be seen")
            return
        if missing:
            lacks = f"{name} may not {', '.join(missing)} {right.resource}"
            yield Check(what, "failed", lacks, cure)
            return
    told = "; ".join(f"{', '.join(each.verbs)} {each.resource}" for each in rights.pods)
    yield Check(what, "ok", f"{name}: {told}" if told else name)


def _missing(cluster: Cluster, right: Right, account: str | None) -> list[str]:
    return [
        verb
        for verb in right.verbs
        if not cluster.allowed(verb, right.group, right.resource, account=account)
    ]


def _objects(cluster: Cluster, settings: ClusterSettings) -> Iterator[Check]:
    """The secrets and the claim that pods name."""
    named = [*settings.image_pull_secrets, *(settings.env_from_secrets or ())]
    for secret in dict.fromkeys([settings.store_secret, *named]):
        if secret:
            yield _secret(cluster, settings, secret)
    if settings.store_claim:
        yield _claim(cluster, settings, settings.store_claim)


def _secret(cluster: Cluster, settings: ClusterSettings, name: str) -> Check:
    what = "secret"
    try:
        found = cluster.get(SECRET, name)
    except BackendError as error:
        return _unseen(what, error, f"{name}: cannot be seen")
    store = settings.store or ""
    of_store = name == settings.store_secret and credentials.variables(store)
    cure = f"`kubectl create secret generic {name} --namespace {cluster.namespace} …`"
    if of_store:
        cure = f"`{credentials.command(name, store, cluster.namespace)}`"
    if found is None:
        return Check(what, "failed", f"there is no {name} in {cluster.namespace}", cure)
    keys = sorted(found.get("data") or {})
    if of_store and not {*keys} & {*credentials.variables(store)}:
        lacks = f"{name} has none of {', '.join(credentials.variables(store))}"
        return Check(what, "failed", lacks, f"delete it, then {cure}")
    return Check(what, "ok", f"{name}: {', '.join(keys)}")


def _claim(cluster: Cluster, settings: ClusterSettings, name: str) -> Check:
    try:
        found = cluster.get(CLAIM, name)
    except BackendError as error:
        return _unseen("claim", error, f"{name}: cannot be seen")
    if found is None:
        return Check(
            "claim",
            "failed",
            f"there is no {name} in {cluster.namespace}",
            _apply(cluster, settings),
        )
    return Check("claim", "ok", f"{name}: {found['status'].get('phase', 'Pending')}")


def _failed(what: str, error: BackendError) -> Check:
    return Check(what, "failed", error.message, error.cure)


def _unseen(what: str, error: BackendError, found: str) -> Check:
    """What we may not see is unknown; everything else that goes wrong is a failure."""
    return Check(what, "unknown", found) if error.code == _FORBIDDEN else _failed(what, error)
