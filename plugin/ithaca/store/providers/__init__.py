"""Providers: one class for each scheme of a remote, `s3`, `gs`, `az` and `file`.

A provider parses the URL, finds the credentials, connects through `obstore`, names the environment
variables that pods need, and gives errors their cures. The remotes connect through it; the
Kubernetes backends and the runner ask it which variables pods need and which of them are secret.
May import `ithaca.errors` and nothing else of Ithaca.
"""

from __future__ import annotations

import os
import re
from importlib.metadata import entry_points
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ithaca.errors import StoreError
from ithaca.store.providers.az import Az
from ithaca.store.providers.base import Address, Provider, Target, Variable, invalid_url
from ithaca.store.providers.file import File
from ithaca.store.providers.gs import Gs
from ithaca.store.providers.s3 import S3

if TYPE_CHECKING:
    from collections.abc import Iterator

    from obstore.store import ObjectStore

__all__ = [
    "Address",
    "File",
    "Provider",
    "Target",
    "Variable",
    "connect",
    "find_provider",
    "is_secret",
    "parse",
    "provider_of",
    "secret_parts",
]

GROUP = "ithaca.providers"
"""Group of the entry points of further providers."""

_BUILT_IN: dict[str, Provider] = {each.scheme: each for each in (S3(), Gs(), Az(), File())}
_SECRET = re.compile(r"SECRET|TOKEN|PASSWORD|KEY$|CONNECTION_STRING|SIGNATURE")


def find_provider(url: str) -> Provider | None:
    """The provider of a URL's scheme; None when there is none.

    Args:
        url: Such as `s3://BUCKET/PREFIX`.
    """
    scheme = url.partition(":")[0].lower()
    if scheme in _BUILT_IN:
        return _BUILT_IN[scheme]
    for point in entry_points(group=GROUP, name=scheme):
        provider: Provider = point.load()()
        return provider
    return None


def provider_of(url: str) -> Provider:
    """The provider of a URL's scheme.

    Args:
        url: Such as `s3://BUCKET/PREFIX`.

    Raises:
        UsageError: There is none (ITH422).
    """
    found = find_provider(url)
    if found is None:
        *forms, last = (each.form for each in _BUILT_IN.values())
        raise invalid_url(url, f"expected {', '.join(forms)} or {last}")
    return found


def parse(url: str) -> Address:
    """The parts of a remote's URL.

    Args:
        url: Such as `s3://BUCKET/PREFIX`.

    Raises:
        UsageError: It does not name a remote (ITH422).

    Example:
        >>> parse("s3://bucket/a%20b")
        Address(scheme='s3', bucket='bucket', path='/a b')
    """
    parts = urlsplit(url)
    if parts.query or parts.fragment or parts.password or parts.username:
        raise invalid_url(url, "it must not hold a user, a query or a fragment")
    return provider_of(url).parse(url, parts)


def connect(url: str, *, create: bool) -> ObjectStore:
    """Open a connection to a remote. Nothing is requested yet; a folder may be created.

    Args:
        url: Such as `s3://BUCKET/PREFIX`.
        create: Create the folder of a `file://` remote if it is missing.

    Raises:
        UsageError: The URL does not name a remote (ITH422).
        StoreError: `obstore` is not installed (ITH423), the connection would not be encrypted
            (ITH422), or there are no valid credentials (ITH421).
    """
    address, provider = parse(url), provider_of(url)
    try:
        from obstore import store
        from obstore.exceptions import BaseError
    except ImportError:
        raise StoreError(
            "ITH423",
            "remotes need the package `obstore`",
            cure="`pip install 'ithaca[s3]'`",
        ) from None
    try:
        return provider.connect(Target(store, url, address, os.environ, create))
    except BaseError as error:  # nothing was requested yet: the settings are wrong
        raise provider.no_credentials(url, f": {str(error).splitlines()[0]}") from None


def is_secret(name: str) -> bool:
    """Whether logs must not show the value of an environment variable.

    Example:
        >>> is_secret("AWS_SECRET_ACCESS_KEY"), is_secret("AWS_REGION")
        (True, False)
    """
    for provider in _BUILT_IN.values():
        for variable in provider.variables:
            if variable.name == name:
                return variable.secret
    return bool(_SECRET.search(name))


def secret_parts(value: str) -> Iterator[str]:
    """A secret value, and the secrets inside it.

    Example:
        >>> list(secret_parts("AccountName=a;AccountKey=c2Vj"))
        ['AccountName=a;AccountKey=c2Vj', 'c2Vj']
    """
    yield value
    for provider in _BUILT_IN.values():
        yield from provider.inner_secrets(value)
