"""Azure Blob Storage: an account with its key, a signature, or an identity.

`obstore` reads its own variables. This module adds the connection string and the variables of the
`az` command, which count when AZURE_STORAGE_ACCOUNT_NAME is not set.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ithaca.store.providers.base import Provider, Target, Variable, is_truthy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from obstore.store import ObjectStore

_SECRETS = re.compile(r"(?:AccountKey=|SharedAccessSignature=)([^;]+)")


class Az(Provider):
    """Azure Blob Storage."""

    scheme = "az"
    form = "az://CONTAINER/PREFIX"
    variables = (
        Variable("AZURE_STORAGE_ACCOUNT_NAME"),
        Variable("AZURE_STORAGE_ACCOUNT_KEY", secret=True),
        Variable("AZURE_STORAGE_SAS_TOKEN", secret=True),
        Variable("AZURE_STORAGE_CONNECTION_STRING", secret=True),
        Variable("AZURE_STORAGE_ACCOUNT"),
        Variable("AZURE_STORAGE_KEY", secret=True),
        Variable("AZURE_CLIENT_ID"),
        Variable("AZURE_CLIENT_SECRET", secret=True),
        Variable("AZURE_TENANT_ID"),
        Variable("AZURE_AUTHORITY_HOST"),
        Variable("AZURE_STORAGE_ENDPOINT"),
        Variable("AZURE_ALLOW_HTTP"),
    )
    endpoint = "AZURE_STORAGE_ENDPOINT"
    allow_http = "AZURE_ALLOW_HTTP"
    credentials_cure = (
        "set AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or another credential, or "
        "AZURE_STORAGE_CONNECTION_STRING"
    )

    def connect(self, target: Target) -> ObjectStore:  # noqa: D102
        environ = target.environ
        named = environ.get("AZURE_STORAGE_ACCOUNT_NAME")
        config = {} if named else _fallback(environ)
        emulator = config.get("use_emulator") or is_truthy(environ, "AZURE_STORAGE_USE_EMULATOR")
        if not (emulator or config or named):
            raise self.no_credentials(target.url, ": no storage account is set")
        endpoint = (
            config.get("endpoint")
            or environ.get("AZURE_STORAGE_ENDPOINT")
            or environ.get("AZURE_ENDPOINT")
        )
        return self.bucket(target, "AzureStore", config, ("endpoint", endpoint))

    def inner_secrets(self, value: str) -> Iterator[str]:
        """The key and the signature in a connection string."""
        yield from _SECRETS.findall(value)


def _fallback(environ: Mapping[str, str]) -> dict[str, Any]:
    if text := environ.get("AZURE_STORAGE_CONNECTION_STRING"):
        return _connection(text)
    found = {
        "account_name": environ.get("AZURE_STORAGE_ACCOUNT"),
        "account_key": environ.get("AZURE_STORAGE_KEY"),
    }
    return {key: value for key, value in found.items() if value}


def _connection(text: str) -> dict[str, Any]:
    """The settings of a connection string, by the names that `obstore` uses.

    Example:
        >>> _connection("AccountName=a;AccountKey=b==;EndpointSuffix=core.windows.net")
        {'account_name': 'a', 'account_key': 'b==', 'endpoint': 'https://a.blob.core.windows.net'}
    """
    parts = dict(each.strip().split("=", 1) for each in text.split(";") if "=" in each)
    if parts.get("UseDevelopmentStorage", "").lower() == "true":
        return {"use_emulator": True}
    endpoint = parts.get("BlobEndpoint") or (
        f"{parts.get('DefaultEndpointsProtocol', 'https')}://{parts.get('AccountName')}.blob."
        f"{parts.get('EndpointSuffix', 'core.windows.net')}"
    )
    account = parts.get("AccountName") or (urlsplit(endpoint).hostname or "").partition(".")[0]
    found = {
        "account_name": account,
        "account_key": parts.get("AccountKey"),
        "sas_key": parts.get("SharedAccessSignature"),
        "endpoint": endpoint.rstrip("/"),
    }
    return {key: value for key, value in found.items() if value}
