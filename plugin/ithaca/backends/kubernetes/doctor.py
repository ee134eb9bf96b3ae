"""Checks that runs can start in a namespace: what is installed, and who may do what.

Nothing is changed, except that a pod is started for each image and deleted. What you may not see
is reported as unknown, which is not a failure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ithaca.backends.kubernetes import namespace
from ithaca.backends.kubernetes.answers import FORBIDDEN
from ithaca.backends.kubernetes.client import Cluster, Kind
from ithaca.backends.kubernetes.image import images
from ithaca.backends.protocol import Check
from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ithaca.backends.kubernetes.engine import Object
    from ithaca.backends.kubernetes.rights import Right, Rights
    from ithaca.backends.kubernetes.settings import ClusterSettings

ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
SECRET = Kind("", "v1", "Secret", "secrets")
CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")


class Part(NamedTuple):
    """An add-on that a setting needs on a cluster.

    Attributes:
        name: Its name.
        group: Its API group.
        kind: Plural of the kind that is needed.
        cure: How to install it, or to do without.
    """

    name: str
    group: str
    kind: str
    cure: str


class Installed(NamedTuple):
    """The parts of an engine on a cluster.

    Attributes:
        group: Its API group.
        kinds: Plurals of the kinds that are needed.
        controller: End of the name of its controller's deployment.
        rights: The permissions that it needs.
        cure: How to install it.
        parts: The add-ons that the settings need.
    """

    group: str
    kinds: tuple[str, ...]
    controller: str
    rights: Rights
    cure: str
    parts: tuple[Part, ...] = ()


def examine(
    settings: ClusterSettings, engine: Installed, report: Callable[[str], None]
) -> Iterator[Check]:
    """Check everything that a run on a cluster needs.

    Args:
        settings: `[tool.ithaca.NAME]`.
        engine: The parts of the engine.
        report: Called with what is being waited for.

    Yields:
        Each check; it stops early if the next ones need something that is missing.
    """
    report("connecting to the cluster")
    try:
        cluster = Cluster.connect(namespace=settings.namespace)
        version = (cluster.read("/version") or {}).get("gitVersion", "(unknown version)")
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
        yield Check("pod", "unknown", "not started, because something above is missing")
        return
    yield from images(cluster, settings, report)


def _needed(cluster: Cluster, settings: ClusterSettings, rights: Rights) -> Iterator[Check]:
    """Check what pods need to start."""
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
        return _unseen("namespace", error, f"you may not see {name}")
    if found is not None:
        return Check("namespace", "ok", name)
    cure = f"`kubectl create namespace {name}`, or set another `namespace`"
    return Check("namespace", "failed", f"there is no namespace {name}", cure)


def _find(cluster: Cluster, what: str, kind: Kind, name: str, cure: str) -> Object | Check:
    """An object that pods need, or why it is missing or cannot be seen."""
    try:
        found = cluster.get(kind, name)
    except BackendError as error:
        return _unseen(what, error, f"you may not see {name}")
    return found or Check(what, "failed", f"there is no {name} in {cluster.namespace}", cure)


def _served(cluster: Cluster, settings: ClusterSettings, engine: Installed) -> Iterator[Check]:
    versions = cluster.versions(engine.group)
    for version in versions:
        missing = {*engine.kinds} - _kinds(cluster, engine.group, version)
        if not missing:
            break
    else:
        lacks = f"{settings.engine} is not installed: the API server does not serve {engine.group}"
        if versions:
            lacks = f"{settings.engine} is incomplete: {', '.join(sorted(missing))} missing"
        yield Check(settings.engine, "failed", lacks, engine.cure)
        return
    groups = ", ".join(f"{engine.group}/{each}" for each in versions)
    yield Check(settings.engine, "ok", f"{groups}: {', '.join(engine.kinds)}")
    yield _controller(cluster, engine)


def _kinds(cluster: Cluster, group: str, version: str) -> set[str]:
    """The plurals of the kinds that the API server serves."""
    listed = (cluster.read(f"/apis/{group}/{version}") or {}).get("resources") or ()
    return {each["name"] for each in listed}


def _part(cluster: Cluster, part: Part) -> Check:
    for version in cluster.versions(part.group):
        if part.kind in _kinds(cluster, part.group, version):
            return Check(part.name, "ok", f"{part.group}/{version}: {part.kind}")
    return Check(
        part.name, "failed", f"the API server does not serve {part.kind} of {part.group}", part.cure
    )


def _controller(cluster: Cluster, engine: Installed) -> Check:
    try:
        listed = (cluster.read("/apis/apps/v1/deployments") or {}).get("items") or ()
    except BackendError as error:
        return _unseen("controller", error, "you may not see its deployment")
    for each in listed:
        name, place = each["metadata"]["name"], each["metadata"]["namespace"]
        if name.endswith(engine.controller):
            image = each["spec"]["template"]["spec"]["containers"][0]["image"]
            if each["status"].get("readyReplicas"):
                return Check("controller", "ok", f"{image} ({place}/{name})")
            cure = f"see `kubectl describe deployment {name} --namespace {place}`"
            return Check("controller", "failed", f"{place}/{name} has no ready pod", cure)
    return Check("controller", "unknown", f"found no deployment named {engine.controller}")


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
            f"ask an administrator to run {_apply(cluster, settings)} and `kubectl "
            f"create rolebinding NAME --namespace {cluster.namespace} --role={role} --user=YOU`",
        )


def _account(
    cluster: Cluster, settings: ClusterSettings, rights: Rights, name: str
) -> Iterator[Check]:
    what = "service account"
    cure = _apply(cluster, settings)
    found = _find(cluster, what, ACCOUNT, name, cure)
    if isinstance(found, Check):
        yield found
        return
    for right in rights.pods:
        try:
            missing = _missing(cluster, right, name)
        except BackendError as error:
            yield _unseen(what, error, f"{name} exists, but you may not see its rights")
            return
        if missing:
            lacks = f"{name} may not {', '.join(missing)} {right.resource}"
            yield Check(what, "failed", lacks, cure)
            return
    granted = "; ".join(f"{', '.join(each.verbs)} {each.resource}" for each in rights.pods)
    yield Check(what, "ok", f"{name}: {granted}" if granted else name)


def _missing(cluster: Cluster, right: Right, account: str | None) -> list[str]:
    return [
        verb
        for verb in right.verbs
        if not cluster.allowed(verb, right.group, right.resource, account=account)
    ]


def _objects(cluster: Cluster, settings: ClusterSettings) -> Iterator[Check]:
    """Check the secrets and the claim that pods name."""
    named = [*settings.image_pull_secrets, *(settings.env_from_secrets or ())]
    for secret in dict.fromkeys([settings.store_secret, *named]):
        if secret:
            yield _secret(cluster, settings, secret)
    if settings.store_claim:
        yield _claim(cluster, settings, settings.store_claim)


def _secret(cluster: Cluster, settings: ClusterSettings, name: str) -> Check:
    what = "secret"
    store = settings.store or ""
    of_store = name == settings.store_secret and namespace.store_variables(store)
    cure = f"`kubectl create secret generic {name} --namespace {cluster.namespace} …`"
    if of_store:
        cure = f"`{namespace.secret_command(name, store, cluster.namespace)}`"
    found = _find(cluster, what, SECRET, name, cure)
    if isinstance(found, Check):
        return found
    keys = sorted(found.get("data") or {})
    if of_store and not {*keys} & {*namespace.store_variables(store)}:
        lacks = f"{name} has none of {', '.join(namespace.store_variables(store))}"
        return Check(what, "failed", lacks, f"delete it, then run {cure}")
    return Check(what, "ok", f"{name}: {', '.join(keys)}")


def _claim(cluster: Cluster, settings: ClusterSettings, name: str) -> Check:
    found = _find(cluster, "claim", CLAIM, name, _apply(cluster, settings))
    if isinstance(found, Check):
        return found
    return Check("claim", "ok", f"{name}: {found['status'].get('phase', 'Pending')}")


def _failed(what: str, error: BackendError) -> Check:
    return Check(what, "failed", error.message, error.cure)


def _unseen(what: str, error: BackendError, found: str) -> Check:
    """What you may not see is unknown; every other error is a failure."""
    return Check(what, "unknown", found) if error.code == FORBIDDEN else _failed(what, error)
