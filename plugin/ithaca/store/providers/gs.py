"""Google Cloud Storage: Google's own chain of credentials, which `obstore` follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ithaca.store.providers.base import RETRIES, allows_http

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obstore.store import ObjectStore


def bucket(store: Any, name: str, prefix: str | None, environ: Mapping[str, str]) -> ObjectStore:
    """A connection to a bucket, by the module `obstore.store`.

    Raises:
        StoreError: Credentials would travel in plain text (ITH422).
    """
    config: dict[str, Any] = {}
    client: dict[str, Any] = {}
    endpoint = environ.get("GOOGLE_BASE_URL")
    if not endpoint and (emulator := environ.get("STORAGE_EMULATOR_HOST")):
        endpoint = emulator if "://" in emulator else f"http://{emulator}"
        config["bearer_token"] = "none"  # noqa: S105  # an emulator gets nobody's credentials
    if endpoint:
        config["base_url"] = endpoint
        client["allow_http"] = allows_http(endpoint, environ, "GOOGLE_ALLOW_HTTP")
    return store.GCSStore(  # type: ignore[no-any-return]
        name, prefix=prefix, config=config, client_options=client, retry_config=RETRIES
    )
