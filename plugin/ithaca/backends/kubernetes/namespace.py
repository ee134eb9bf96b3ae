"""What a namespace needs before runs can be started in it, as manifests.

An engine says which rights its pods and its users need; everything else is the same for all:
service accounts, roles, and how pods reach the store. Nothing of it is secret unless it is asked
for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from ithaca.backends.kubernetes import credentials
from ithaca.backends.kubernetes.rights import binding, role
from ithaca.errors import BackendError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ithaca.backends.kubernetes.rights import Rights
    from ithaca.backends.kubernetes.settings import ClusterSettings
    from ithaca.backends.protocol import ManifestOptions

OWN_ACCOUNT = "default"
"""The service account of pods that name none."""


def chosen(settings: ClusterSettings) -> str:
    """The namespace of runs: the one that is set, else that of the kubeconfig, else `default`."""
    from ithaca.backends.kubernetes.client import Cluster

    if settings.namespace:
        return settings.namespace
    try:
        return Cluster.connect().namespace
    except BackendError:
        return "default"


def accounts(settings: ClusterSettings) -> tuple[str, ...]:
    """The service accounts of all pods that a run may have."""
    told = [settings.service_account, *(each.service_account for each in settings.named.values())]
    return tuple(sorted({each or settings.service_account or OWN_ACCOUNT for each in told}))


def manifests(settings: ClusterSettings, rights: Rights, options: ManifestOptions) -> str:
    """What a namespace needs, as YAML: the same bytes for the same settings and namespace.

    Args:
        settings: `[tool.ithaca.NAME]`.
        rights: What the engine's pods and users need.
        options: What the user asks for besides.

    Raises:
        UsageError: The secret is asked for, and cannot be made here.
    """
    namespace = chosen(settings)
    head = [f"What the namespace {namespace} needs for `ithaca run --backend {settings.backend}`."]
    if not settings.namespace:
        head.append(
            "No setting says the namespace, so this is the kubeconfig's: `namespace` in "
            f"{settings.place()} fixes it."
        )
    text = _comment(head)
    for words, document in _documents(settings, rights, options, namespace):
        text += f"---\n{_comment(words)}{_yaml(document, namespace)}"
    return text + _comment(_store_words(settings, options, namespace))


def _documents(
    settings: ClusterSettings, rights: Rights, options: ManifestOptions, namespace: str
) -> Iterator[tuple[list[str], dict[str, Any]]]:
    name, used = f"ithaca-{settings.backend}", accounts(settings)
    for each in used:
        if each != OWN_ACCOUNT:
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": each}}
            yield ["Pods run under this account."], account
    if rights.pods:
        words = [f"What {settings.engine} needs in every pod, and nothing more."]
        yield words, role(f"{name}-pods", rights.pods)
        yield [], binding(f"{name}-pods", used, namespace)
    if rights.people:
        words = [
            "What people and CI systems need who submit runs, follow, answer and cancel them.",
            "It is given to nobody yet:",
            f"  kubectl create rolebinding NAME --namespace {namespace} --role={name}-submit "
            "--user=USER",
        ]
        yield words, role(f"{name}-submit", rights.people)
    if settings.store_claim:
        yield ["The store, for all pods."], _claim(settings.store_claim, options)
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
    wanted = credentials.sources(settings.store or "")
    found = credentials.found(settings.store or "", environ)
    if not settings.store_secret or not found:
        raise UsageError(
            "ITH924",
            f"no secret can be made: none of {', '.join(wanted)} is set here"
            if settings.store_secret and wanted
            else "no secret can be made: "
            + ("the store needs none" if settings.store_secret else "none is named"),
            where=settings.place("store_secret"),
            cure="set them, or leave --secret-from-env out"
            if settings.store_secret
            else f'write `store_secret = "ithaca-store"` under {settings.place()}',
        )
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": settings.store_secret},
        "type": "Opaque",
        "stringData": found,
    }


def _store_words(settings: ClusterSettings, options: ManifestOptions, namespace: str) -> list[str]:
    """What is left to do so that pods reach the store."""
    store, secret = settings.store or "", settings.store_secret
    if options.environ is not None or settings.store_claim or not credentials.variables(store):
        return []
    if secret:
        return [
            f"The secret {secret} with the store's credentials is not printed. Make it where they",
            "are set:",
            f"  {credentials.command(secret, store, namespace)}",
        ]
    return [
        "No `store_secret` is set: pods reach the store by what the cluster gives their service",
        f'account. Else write `store_secret = "ithaca-store"` under {settings.place()}.',
    ]


def _comment(lines: list[str]) -> str:
    return "".join(f"# {line}\n" for line in lines)


def _yaml(document: dict[str, Any], namespace: str) -> str:
    labels = {"app.kubernetes.io/part-of": "ithaca"}
    metadata = {**document["metadata"], "namespace": namespace, "labels": labels}
    text: str = yaml.safe_dump(
        {**document, "metadata": metadata}, sort_keys=False, allow_unicode=True, width=100
    )
    return text
