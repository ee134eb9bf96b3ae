"""The credentials of a store for pods: a secret whose keys are environment variables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.errors import UsageError

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
    "gs": (
        "GOOGLE_SERVICE_ACCOUNT_KEY",
        "GOOGLE_BEARER_TOKEN",
        "GOOGLE_BASE_URL",
        "GOOGLE_ALLOW_HTTP",
        "STORAGE_EMULATOR_HOST",
    ),
    "az": (
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_CONNECTION_STRING",
        "AZURE_STORAGE_ACCOUNT",
        "AZURE_STORAGE_KEY",
        "AZURE_CLIENT_ID",
        "AZURE_CLIENT_SECRET",
        "AZURE_TENANT_ID",
        "AZURE_AUTHORITY_HOST",
        "AZURE_STORAGE_ENDPOINT",
        "AZURE_ALLOW_HTTP",
    ),
}

_KEY, _FILE = "GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_APPLICATION_CREDENTIALS"
"""Pods cannot read the file, so they get its content in a variable."""


def variables(store: str) -> tuple[str, ...]:
    """The environment variables with which pods access a store.

    Args:
        store: URL of the store.

    Example:
        >>> "GOOGLE_SERVICE_ACCOUNT_KEY" in variables("gs://bucket/prefix")
        True
    """
    return _VARIABLES.get(store.partition(":")[0].lower(), ())


def sources(store: str) -> tuple[str, ...]:
    """The variables that are read here for the credentials of a store."""
    wanted = variables(store)
    return (*wanted, _FILE) if _KEY in wanted else wanted


def found(store: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The variables for pods that are set here.

    Args:
        store: URL of the store.
        environ: The environment.

    Raises:
        UsageError: It names a file that is not the key of a service account (ITH924).
    """
    values = {name: environ[name] for name in variables(store) if environ.get(name)}
    path = environ.get(_FILE)
    if path and _KEY in variables(store) and _KEY not in values:
        values[_KEY] = _service_account(Path(path))
    return values


def _service_account(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
        kind = json.loads(text)["type"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise _no_account(path, f"it cannot be read ({type(error).__name__})") from None
    if kind != "service_account":
        raise _no_account(path, f"it is not the key of a service account ({kind})")
    return text


def _no_account(path: Path, why: str) -> UsageError:
    return UsageError(
        "ITH924",
        f"cannot make a secret from {_FILE}: {why}",
        where=str(path),
        cure="set it to the key file of a service account, or omit --secret-from-env and grant the "
        "service account of pods access in the cloud",
    )


def command(secret: str, store: str, namespace: str) -> str:
    """A command that creates the secret from its environment without showing values.

    Args:
        secret: Name of the secret.
        store: URL of the store.
        namespace: The namespace of pods.
    """
    create = f"kubectl create secret generic {secret} --namespace {namespace}"
    wanted = variables(store)
    if _KEY in wanted:
        return f'{create} --from-file={_KEY}="${_FILE}"'
    return f"env | grep -E '^({'|'.join(wanted)})=' | {create} --from-env-file=/dev/stdin"
