"""S3, and servers that speak as it does: keys of the environment, else of the AWS tools' files."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ithaca.errors import StoreError
from ithaca.store.providers.base import RETRIES, allows_http, no_credentials, told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obstore.store import ObjectStore

_AMBIENT = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Variables by which a cluster hands out credentials; `obstore` follows them itself."""


def bucket(store: Any, name: str, prefix: str | None, environ: Mapping[str, str]) -> ObjectStore:
    """A connection to a bucket, by the module `obstore.store`.

    Raises:
        StoreError: There are no credentials (ITH421), or they would travel in plain text (ITH422).
    """
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
        client["allow_http"] = allows_http(endpoint, environ, "AWS_ALLOW_HTTP")
    options: dict[str, Any] = {}
    ambient = any(each in environ for each in _AMBIENT)
    if "AWS_ACCESS_KEY_ID" not in environ and (environ.get("AWS_PROFILE") or not ambient):
        if "aws_access_key_id" in profile:
            config["access_key_id"] = profile["aws_access_key_id"]
            config["secret_access_key"] = profile.get("aws_secret_access_key", "")
            if "aws_session_token" in profile:
                config["session_token"] = profile["aws_session_token"]
        elif environ.get("AWS_PROFILE"):
            options["credential_provider"] = _boto(environ["AWS_PROFILE"])
        elif told(environ, "AWS_EC2_METADATA_DISABLED"):
            raise no_credentials(f"s3://{name}")
    return store.S3Store(  # type: ignore[no-any-return]
        name,
        prefix=prefix,
        config=config,
        client_options=client,
        retry_config=RETRIES,
        **options,
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
