"""The manifests that a namespace needs before runs can start in it.

The engine defines the permissions of its pods and users. Service accounts, roles and access to
the store are the same for all engines. Secrets are printed only on request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes.manifests import START, to_yaml
from ithaca.backends.kubernetes.rights import binding, role
from ithaca.errors import BackendError, UsageError
from ithaca.store.providers import find_provider

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ithaca.backends.kubernetes.rights import Rights
    from ithaca.backends.kubernetes.settings import ClusterSettings
    from ithaca.backends.protocol import ManifestOptions

OWN_ACCOUNT = "default"
"""The service account of pods without one of their own."""


def chosen(settings: ClusterSettings) -> str:
    """The namespace of runs: from the settings, else the kubeconfig, else `default`."""
    from ithaca.backends.kubernetes.client import Cluster

    if settings.namespace:
        return settings.namespace
    try:
        return Cluster.connect().namespace
    except BackendError:
        return "default"


def accounts(settings: ClusterSettings) -> tuple[str, ...]:
    """The service accounts of all pods of a run."""
    named = [settings.service_account, *(each.service_account for each in settings.named.values())]
    return tuple(sorted({each or settings.service_account or OWN_ACCOUNT for each in named}))


def manifests(settings: ClusterSettings, rights: Rights, options: ManifestOptions) -> str:
    """The manifests as YAML: the same bytes for the same settings and namespace.

    Args:
        settings: `[tool.ithaca.NAME]`.
        rights: The permissions of the engine's pods and users.
        options: The options of `ithaca manifests`.

    Raises:
        UsageError: The secret is requested, but its variables are not set (ITH924).
    """
    namespace = chosen(settings)
    head = [f"Prepares the namespace {namespace} for `ithaca run --backend {settings.backend}`."]
    if not settings.namespace:
        head.append(
            "No namespace is set, so this is that of the kubeconfig; set `namespace` in "
            f"{settings.place()} to fix it."
        )
    text = _comment(head)
    for words, document in _documents(settings, rights, options, namespace):
        body = to_yaml(_placed(document, namespace)).removeprefix(START)
        text += f"{START}{_comment(words)}{body}"
    return text + _comment(_store_words(settings, options, namespace))


def _documents(
    settings: ClusterSettings, rights: Rights, options: ManifestOptions, namespace: str
) -> Iterator[tuple[list[str], dict[str, Any]]]:
    name, used = f"ithaca-{settings.backend}", accounts(settings)
    for each in used:
        if each != OWN_ACCOUNT:
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": each}}
            yield ["The service account of pods."], account
    if rights.pods:
        words = [f"The permissions that {settings.engine} needs in every pod."]
        yield words, role(f"{name}-pods", rights.pods)
        yield [], binding(f"{name}-pods", used, namespace)
    if rights.people:
        words = [
            "The permissions to submit, follow, approve and cancel runs, for users and CI.",
            "Grant them with:",
            f"  kubectl create rolebinding NAME --namespace {namespace} --role={name}-submit "
            "--user=USER",
        ]
        yield words, role(f"{name}-submit", rights.people)
    if settings.store_claim:
        yield ["The volume of the store."], _claim(settings.store_claim, options)
    if options.environ is not None:
        yield ["These are credentials: do not commit them."], _secret(settings, options.environ)


def _claim(name: str, options: ManifestOptions) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {
            "accessModes": [options.claim_mode],
            "resources": {"requests": {"storage": options.claim_size}},
        },
    }


def _secret(settings: ClusterSettings, environ: Mapping[str, str]) -> dict[str, Any]:
    wanted = _store_sources(settings.store or "")
    provider = find_provider(settings.store or "")
    found = provider.pod_values(environ) if provider else {}
    if not settings.store_secret or not found:
        why, cure = "the store needs no credentials", "set them, or omit --secret-from-env"
        if not settings.store_secret:
            why = "`store_secret` is not set"
            cure = f'set `store_secret = "ithaca-store"` in {settings.place()}'
        elif wanted:
            why = f"none of {', '.join(wanted)} is set"
        place = settings.place("store_secret")
        raise UsageError("ITH924", f"cannot make the secret: {why}", where=place, cure=cure)
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": settings.store_secret},
        "type": "Opaque",
        "stringData": found,
    }


def _store_words(settings: ClusterSettings, options: ManifestOptions, namespace: str) -> list[str]:
    """What is still to do before pods can access the store."""
    store, secret = settings.store or "", settings.store_secret
    if options.environ is not None or settings.store_claim or not store_variables(store):
        return []
    if secret:
        return [
            f"The secret {secret} with the credentials of the store is not included. To create it",
            "from your environment:",
            f"  {secret_command(secret, store, namespace)}",
        ]
    return [
        "`store_secret` is not set, so the service account of pods must have access to the store.",
        f'If it has none, set `store_secret = "ithaca-store"` in {settings.place()}.',
    ]


def store_variables(store: str) -> tuple[str, ...]:
    """The environment variables that pods need to reach a store; empty if they need none.

    Args:
        store: URL of the store.

    Example:
        >>> "GOOGLE_SERVICE_ACCOUNT_KEY" in store_variables("gs://bucket/prefix")
        True
    """
    provider = find_provider(store)
    return provider.pod_names() if provider else ()


def _store_sources(store: str) -> tuple[str, ...]:
    """The variables of this machine that hold the credentials of a store, or name their file."""
    provider = find_provider(store)
    file = (provider.key_file[1],) if provider and provider.key_file else ()
    return (*store_variables(store), *file)


def secret_command(secret: str, store: str, namespace: str) -> str:
    """The command that creates the secret from its environment without printing a value.

    Args:
        secret: Name of the secret.
        store: URL of the store.
        namespace: Namespace of the pods.
    """
    create = f"kubectl create secret generic {secret} --namespace {namespace}"
    provider = find_provider(store)
    if provider and provider.key_file:
        key, file = provider.key_file
        return f'{create} --from-file={key}="${file}"'
    names = "|".join(store_variables(store))
    return f"env | grep -E '^({names})=' | {create} --from-env-file=/dev/stdin"


def _comment(lines: list[str]) -> str:
    return "".join(f"# {line}\n" for line in lines)


def _placed(document: dict[str, Any], namespace: str) -> dict[str, Any]:
    labels = {"app.kubernetes.io/part-of": "ithaca"}
    metadata = {**document["metadata"], "namespace": namespace, "labels": labels}
    return {**document, "metadata": metadata}
