"""Azure Blob Storage: an account and its key, a signature, or an identity that `obstore` asks for.

`obstore` reads its own variables. Those of the `az` command and the connection string, which
Azure's own libraries and its portal name, are read here where the former name no account.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ithaca.store.providers.base import RETRIES, allows_http, no_credentials, told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obstore.store import ObjectStore


def container(store: Any, name: str, prefix: str | None, environ: Mapping[str, str]) -> ObjectStore:
    """A connection to a container, by the module `obstore.store`.

    Raises:
        StoreError: No account is named (ITH421), or credentials would travel in plain text
            (ITH422).
    """
    config = {} if environ.get("AZURE_STORAGE_ACCOUNT_NAME") else _others(environ)
    emulator = config.get("use_emulator") or told(environ, "AZURE_STORAGE_USE_EMULATOR")
    if not (emulator or config or environ.get("AZURE_STORAGE_ACCOUNT_NAME")):
        raise no_credentials(f"az://{name}", ": no account is named")
    client: dict[str, Any] = {}
    endpoint = (
        config.get("endpoint")
        or environ.get("AZURE_STORAGE_ENDPOINT")
        or environ.get("AZURE_ENDPOINT")
    )
    if endpoint:
        client["allow_http"] = allows_http(endpoint, environ, "AZURE_ALLOW_HTTP")
    return store.AzureStore(  # type: ignore[no-any-return]
        name, prefix=prefix, config=config, client_options=client, retry_config=RETRIES
    )


def _others(environ: Mapping[str, str]) -> dict[str, Any]:
    if text := environ.get("AZURE_STORAGE_CONNECTION_STRING"):
        return _connection(text)
    said = {
        "account_name": environ.get("AZURE_STORAGE_ACCOUNT"),
        "account_key": environ.get("AZURE_STORAGE_KEY"),
    }
    return {key: value for key, value in said.items() if value}


def _connection(text: str) -> dict[str, Any]:
    """What a connection string says, in the words of `obstore`.

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
    said = {
        "account_name": account,
        "account_key": parts.get("AccountKey"),
        "sas_key": parts.get("SharedAccessSignature"),
        "endpoint": endpoint.rstrip("/"),
    }
    return {key: value for key, value in said.items() if value}
