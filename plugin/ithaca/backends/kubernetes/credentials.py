"""The credentials of a store in pods: a secret whose keys are environment variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.store.providers import find_provider

if TYPE_CHECKING:
    from collections.abc import Mapping


def variables(store: str) -> tuple[str, ...]:
    """The environment variables that pods need to reach a store; empty if they need none.

    Args:
        store: URL of the store.

    Example:
        >>> "GOOGLE_SERVICE_ACCOUNT_KEY" in variables("gs://bucket/prefix")
        True
    """
    provider = find_provider(store)
    return provider.pod_names() if provider else ()


def sources(store: str) -> tuple[str, ...]:
    """The variables of this machine that hold the credentials of a store, or name their file."""
    provider = find_provider(store)
    file = (provider.key_file[1],) if provider and provider.key_file else ()
    return (*variables(store), *file)


def found(store: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that pods need, as far as they are set on this machine.

    Args:
        store: URL of the store.
        environ: The environment.

    Raises:
        UsageError: A credentials file cannot be used in a pod (ITH924).
    """
    provider = find_provider(store)
    return provider.pod_values(environ) if provider else {}


def command(secret: str, store: str, namespace: str) -> str:
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
    return f"env | grep -E '^({'|'.join(variables(store))})=' | {create} --from-env-file=/dev/stdin"
