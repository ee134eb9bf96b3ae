"""URLs of remotes, and the connections to them, by the standard chains of credentials."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from ithaca.errors import StoreError, UsageError
from ithaca.store.providers import az, gs, s3
from ithaca.store.providers.base import no_credentials

if TYPE_CHECKING:
    from obstore.store import ObjectStore

SCHEMES = "s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or file:///FOLDER"


class Address(NamedTuple):
    """What a URL names.

    Attributes:
        scheme: `s3`, `gs`, `az` or `file`.
        place: The bucket or container; empty for a folder.
        path: What is below it, or the folder, without percent signs for letters.
    """

    scheme: str
    place: str
    path: str


def parse(url: str) -> Address:
    """What the URL of a remote names.

    Args:
        url: Such as `s3://BUCKET/PREFIX`.

    Raises:
        UsageError: It names no remote (ITH422).

    Example:
        >>> parse("s3://bucket/a%20b")
        Address(scheme='s3', place='bucket', path='/a b')
    """
    parts = urlsplit(url)
    found = Address(parts.scheme, parts.netloc, unquote(parts.path))
    if parts.query or parts.fragment or parts.password or parts.username:
        _refuse(url, "it may hold neither a user, a query nor a fragment")
    if found.scheme == "file":
        folder = Path(found.path)
        if found.place not in ("", "localhost") or not folder.is_absolute() or folder == Path("/"):
            _refuse(url, "name a folder by its absolute path: file:///FOLDER")
        return found._replace(place="")
    if found.scheme not in ("s3", "gs", "az") or not found.place:
        _refuse(url, f"a remote is {SCHEMES}")
    return found


def connect(url: str, *, create: bool) -> ObjectStore:
    """A connection to a remote; nothing is asked of it yet, but a folder is made.

    Args:
        url: Such as `s3://BUCKET/PREFIX`.
        create: Make the folder of a `file://` remote where there is none.

    Raises:
        UsageError: The URL names no remote (ITH422).
        StoreError: `obstore` is not installed (ITH423), no plain-text connection may be made
            (ITH422), or what is set are no credentials (ITH421).
    """
    parts = parse(url)
    if parts.scheme == "file":
        return _folder(url, Path(parts.path), create=create)
    prefix = parts.path.strip("/") or None
    store = _obstore()
    opened = {"s3": s3.bucket, "gs": gs.bucket, "az": az.container}[parts.scheme]
    try:
        return opened(store, parts.place, prefix, os.environ)
    except store.BaseError as error:  # nothing was asked yet, so it is what is set here
        raise no_credentials(url, f": {str(error).splitlines()[0]}") from None


def _folder(url: str, path: Path, *, create: bool) -> ObjectStore:
    store = _obstore()
    try:
        if create:
            path.mkdir(parents=True, exist_ok=True)
        if not path.is_dir():
            raise NotADirectoryError(20, "there is no such folder")
        return store.LocalStore(path)  # type: ignore[no-any-return]
    except OSError as error:
        raise StoreError(
            "ITH420",
            f"the remote cannot be reached: {error.strerror}",
            cure="check the path and its permissions; `ithaca snapshots push` makes the folder",
            where=url,
        ) from None


def _obstore() -> Any:
    try:
        import obstore.store
    except ImportError:
        raise StoreError(
            "ITH423",
            "remotes of the store need the package `obstore`",
            cure="`pip install 'ithaca[s3]'`",
        ) from None
    return obstore.store


def _refuse(url: str, why: str) -> None:
    shown = urlsplit(url)._replace(query="", fragment="")
    raise UsageError(
        "ITH422",
        f"this names no remote: {why}",
        where=shown._replace(netloc=shown.netloc.rpartition("@")[2]).geturl(),
    )
