"""What the providers have in common: who is let in, and whether in plain text."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ithaca.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

RETRIES: Any = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}

_TRUE = ("1", "true", "yes", "on")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_CURES = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account, or of "
    "`gcloud auth application-default login`",
    "az": "set AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY or another credential, or "
    "AZURE_STORAGE_CONNECTION_STRING",
    "file": "use the account of somebody who may",
}
_ENDPOINTS = {"s3": "AWS_ENDPOINT_URL", "gs": "GOOGLE_BASE_URL", "az": "AZURE_STORAGE_ENDPOINT"}


def told(environ: Mapping[str, str], name: str) -> bool:
    """Whether a variable says yes."""
    return environ.get(name, "").lower() in _TRUE


def allows_http(endpoint: str, environ: Mapping[str, str], variable: str) -> bool:
    """Whether the connection may be in plain text.

    Args:
        endpoint: URL of the server.
        environ: The settings.
        variable: Which of them says that the network can be trusted.

    Raises:
        StoreError: It would be, and neither the loopback address nor the variable allows it.
    """
    parts = urlsplit(endpoint)
    if parts.scheme != "http":
        return False
    if not told(environ, variable) and (parts.hostname or "") not in _LOOPBACK:
        raise StoreError(
            "ITH422",
            "the endpoint would be spoken to in plain text",
            cure=f"use https://, or set {variable}=true where the network can be trusted",
            where=endpoint,
        )
    return True


def no_credentials(where: str, more: str = "") -> StoreError:
    """The error for credentials that are missing or refused.

    Args:
        where: URL of the remote.
        more: What else is known of it.
    """
    return StoreError(
        "ITH421",
        f"the remote lets us in with no credentials that are set here{more}",
        cure=f"{_CURES[where.partition(':')[0]]}; they need to read, list and write below the "
        "prefix",
        where=where,
    )


def unreachable(where: str, why: str) -> StoreError:
    """The error for a remote that does not answer as one does.

    Args:
        where: URL of the remote.
        why: What went wrong.
    """
    variable = _ENDPOINTS.get(where.partition(":")[0])
    network = f", the network and {variable}" if variable else " and the folder"
    return StoreError(
        "ITH420",
        f"the remote cannot be reached: {why}",
        cure=f"check the URL{network}, then repeat: what has arrived is not sent again",
        where=where,
    )


def no_bucket(where: str) -> StoreError:
    """The error for a bucket or container that is not there."""
    return StoreError(
        "ITH420",
        "the remote cannot be reached: there is no such bucket or container",
        cure="make it with the provider's own tools, or name another",
        where=where,
    )
