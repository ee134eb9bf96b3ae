"""Looks whether a remote is there and lets us in; writes nothing."""

from __future__ import annotations

from ithaca.errors import NotFound, StoreError
from ithaca.store.providers import connect
from ithaca.store.providers.base import no_bucket
from ithaca.store.remotes.layout import REMOTE
from ithaca.store.remotes.remote import Remote

_MISSING = ("NoSuchBucket", "ContainerNotFound")
"""What servers say when it is the bucket that is not there."""


def look(url: str) -> bool:
    """Whether a remote holds a store; False where the first run would make one.

    Args:
        url: The remote.

    Raises:
        UsageError: The URL names no remote.
        StoreError: It cannot be reached or lets us not in, its bucket is not there, or it is
            something else than a store.

    Example:
        >>> from tempfile import mkdtemp
        >>> look(f"file://{mkdtemp()}")
        False
    """
    remote = Remote(url.rstrip("/"), connect(url, create=False), writable=False)
    try:
        version = remote.get("version")
    except NotFound:
        _look_at_bucket(remote)
        return False
    REMOTE.check(version, url)
    return True


def _look_at_bucket(remote: Remote) -> None:
    """An empty place can be listed, one that is not there cannot."""
    try:
        remote.children("")
    except StoreError as error:
        if type(error) is not NotFound and not any(each in error.message for each in _MISSING):
            raise
        raise no_bucket(remote.url) from None
