"""URLs of remotes, and the connections to them, by the standard chains of credentials."""

from __future__ import annotations

import configparser
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from ithaca.errors import StoreError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obstore.store import ObjectStore

SCHEMES = "s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or file:///FOLDER"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_TRUE = ("1", "true", "yes", "on")
_RETRIES: Any = {"max_retries": 4, "retry_timeout": timedelta(seconds=60)}
_AMBIENT = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Variables by which a cluster hands out credentials; `obstore` follows them itself."""


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
        StoreError: `obstore` is not installed (ITH423), or no plain-text connection may be made.
    """
    parts = parse(url)
    if parts.scheme == "file":
        return _folder(url, Path(parts.path), create=create)
    prefix = parts.path.strip("/") or None
    store = _obstore()
    try:
        if parts.scheme == "s3":
            return _s3(store, parts.place, prefix, os.environ)
        if parts.scheme == "gs":
            found = store.GCSStore(parts.place, prefix=prefix, retry_config=_RETRIES)
        else:
            found = store.AzureStore(parts.place, prefix=prefix, retry_config=_RETRIES)
    except store.BaseError as error:
        raise StoreError(
            "ITH420",
            f"the remote cannot be configured: {str(error).splitlines()[0]}",
            cure="set the account and the credentials as the provider's own tools want them",
            where=url,
        ) from None
    else:
        return found  # type: ignore[no-any-return]


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


def _s3(store: Any, bucket: str, prefix: str | None, environ: Mapping[str, str]) -> ObjectStore:
    profile = _profile(environ)
    endpoint = (
        environ.get("AWS_ENDPOINT_URL_S3")
        or environ.get("AWS_ENDPOINT_URL")
        or environ.get("AWS_ENDPOINT")
        or profile.get("endpoint_url")
    )
    config: dict[str, Any] = {
        "region": environ.get("AWS_REGION")
        or environ.get("AWS_DEFAULT_REGION")
        or profile.get("region")
        or "us-east-1"
    }
    client: dict[str, Any] = {}
    if endpoint:
        config["endpoint"] = endpoint
        client["allow_http"] = _plain_text(endpoint, environ)
    options: dict[str, Any] = {}
    ambient = any(name in environ for name in _AMBIENT)
    if "AWS_ACCESS_KEY_ID" not in environ and (environ.get("AWS_PROFILE") or not ambient):
        if "aws_access_key_id" in profile:
            config["access_key_id"] = profile["aws_access_key_id"]
            config["secret_access_key"] = profile.get("aws_secret_access_key", "")
            if "aws_session_token" in profile:
                config["session_token"] = profile["aws_session_token"]
        elif environ.get("AWS_PROFILE"):
            options["credential_provider"] = _boto(environ["AWS_PROFILE"])
        elif environ.get("AWS_EC2_METADATA_DISABLED", "").lower() in _TRUE:
            raise no_credentials(f"s3://{bucket}")
    return store.S3Store(  # type: ignore[no-any-return]
        bucket,
        prefix=prefix,
        config=config,
        client_options=client,
        retry_config=_RETRIES,
        **options,
    )


def no_credentials(where: str, more: str = "") -> StoreError:
    """The error for credentials that are missing or refused."""
    return StoreError(
        "ITH421",
        f"the remote lets us in with no credentials that are set here{more}",
        cure="for s3:// set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for gs:// "
        "GOOGLE_APPLICATION_CREDENTIALS; for az:// AZURE_STORAGE_ACCOUNT_NAME and a key; they need "
        "to read, list and write below the prefix",
        where=where,
    )


def _profile(environ: Mapping[str, str]) -> dict[str, str]:
    """What the files of the AWS tools say of the chosen profile."""
    name = environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE") or "default"
    home = Path(environ.get("HOME", "/")) / ".aws"
    parser = configparser.RawConfigParser()
    try:
        parser.read(
            [
                environ.get("AWS_CONFIG_FILE") or home / "config",
                environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials",
            ],
            encoding="utf-8",
        )
    except (configparser.Error, UnicodeError) as error:
        raise StoreError(
            "ITH421",
            f"the files of AWS credentials cannot be read: {str(error).splitlines()[0]}",
            cure="correct ~/.aws/config and ~/.aws/credentials",
        ) from None
    sections = (f"profile {name}", name)
    return {key: text for one in sections if parser.has_section(one) for key, text in parser[one].items()}  # fmt: skip  # noqa: E501


def _boto(profile: str) -> Any:
    """Profiles without keys (single sign-on, roles, a process) are for the AWS library itself."""
    try:
        import boto3  # type: ignore[import-not-found, import-untyped, unused-ignore]
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        raise StoreError(
            "ITH421",
            f"the AWS profile {profile} has no keys of its own, and boto3 is not installed",
            cure="`pip install boto3`, or set the keys that "
            "`aws configure export-credentials --format env` prints",
        ) from None
    return Boto3CredentialProvider(boto3.Session(profile_name=profile))


def _plain_text(endpoint: str, environ: Mapping[str, str]) -> bool:
    """Whether the connection may be in plain text.

    Raises:
        StoreError: It would be, and neither the loopback address nor AWS_ALLOW_HTTP allows it.
    """
    parts = urlsplit(endpoint)
    if parts.scheme != "http":
        return False
    told = environ.get("AWS_ALLOW_HTTP", "").lower() in _TRUE
    if not told and (parts.hostname or "") not in _LOOPBACK:
        raise StoreError(
            "ITH422",
            "the endpoint would be spoken to in plain text",
            cure="use https://, or set AWS_ALLOW_HTTP=true where the network can be trusted",
            where=endpoint,
        )
    return True


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
