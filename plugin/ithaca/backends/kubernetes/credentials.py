"""The credentials of a store as pods get them: a secret whose keys are environment variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLES: Mapping[str, tuple[str, ...]] = {
    "s3": (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_ALLOW_HTTP",
    ),
    "gs": ("GOOGLE_SERVICE_ACCOUNT_KEY",),
    "az": (
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_TENANT_ID",
    ),
}


def variables(store: str) -> tuple[str, ...]:
    """The environment variables by which pods reach a store; none for one that needs none.

    Args:
        store: URL of the store.

    Example:
        >>> variables("gs://bucket/prefix")
        ('GOOGLE_SERVICE_ACCOUNT_KEY',)
    """
    return _VARIABLES.get(store.partition(":")[0].lower(), ())


def command(secret: str, store: str, namespace: str) -> str:
    """The command that makes the secret of what is set in its environment, and shows no value.

    Args:
        secret: Name of the secret.
        store: URL of the store.
        namespace: Where pods run.
    """
    create = f"kubectl create secret generic {secret} --namespace {namespace}"
    wanted = variables(store)
    if wanted == _VARIABLES["gs"]:  # pods have no file, but its content in a variable
        return f'{create} --from-file={wanted[0]}="$GOOGLE_APPLICATION_CREDENTIALS"'
    return f"env | grep -E '^({'|'.join(wanted)})=' | {create} --from-env-file=/dev/stdin"
