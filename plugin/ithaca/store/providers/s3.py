"""S3 and compatible servers: keys from the environment, or from the files of the AWS tools.

`obstore` reads neither `~/.aws/config` nor `~/.aws/credentials`; see docs/adr/0028-aws-profiles.md.
"""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ithaca.errors import StoreError
from ithaca.store.providers.base import Provider, Target, Variable, is_truthy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from obstore.store import ObjectStore

_AMBIENT = (
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)
"""Variables through which a cluster gives credentials; `obstore` follows them itself."""


class S3(Provider):
    """Amazon S3, and servers with the same interface."""

    scheme = "s3"
    form = "s3://BUCKET/PREFIX"
    variables = (
        Variable("AWS_ACCESS_KEY_ID"),
        Variable("AWS_SECRET_ACCESS_KEY", secret=True),
        Variable("AWS_SESSION_TOKEN", secret=True),
        Variable("AWS_REGION"),
        Variable("AWS_ENDPOINT_URL"),
        Variable("AWS_ALLOW_HTTP"),
    )
    endpoint = "AWS_ENDPOINT_URL"
    allow_http = "AWS_ALLOW_HTTP"
    credentials_cure = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"

    def connect(self, target: Target) -> ObjectStore:  # noqa: D102
        environ, profile = target.environ, _profile(target.environ)
        config = {
            "region": environ.get("AWS_REGION")
            or environ.get("AWS_DEFAULT_REGION")
            or profile.get("region")
            or "us-east-1"
        }
        endpoint = (
            environ.get("AWS_ENDPOINT_URL_S3")
            or environ.get("AWS_ENDPOINT_URL")
            or environ.get("AWS_ENDPOINT")
            or profile.get("endpoint_url")
        )
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
            elif is_truthy(environ, "AWS_EC2_METADATA_DISABLED"):
                raise self.no_credentials(target.url)
        return self.bucket(target, "S3Store", config, ("endpoint", endpoint), **options)


def _profile(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings of the selected profile in the files of the AWS tools."""
    name = environ.get("AWS_PROFILE") or environ.get("AWS_DEFAULT_PROFILE") or "default"
    home = Path(environ.get("HOME", "/")) / ".aws"
    files = [
        environ.get("AWS_CONFIG_FILE") or home / "config",
        environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials",
    ]
    parser = configparser.RawConfigParser()
    try:
        parser.read(files, encoding="utf-8")
    except (configparser.Error, UnicodeError) as error:
        raise StoreError(
            "ITH421",
            f"cannot read the AWS credential files: {str(error).splitlines()[0]}",
            cure="fix ~/.aws/config and ~/.aws/credentials",
        ) from None
    found: dict[str, str] = {}
    for section in (f"profile {name}", name):
        if parser.has_section(section):
            found.update(parser[section])
    return found


def _boto(profile: str) -> Any:
    """Credentials of a profile without keys (single sign-on, a role, a process), from boto3."""
    try:
        import boto3  # type: ignore[import-not-found, import-untyped, unused-ignore]
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ImportError:
        raise StoreError(
            "ITH421",
            f'the AWS profile "{profile}" holds no keys, and boto3 is not installed',
            cure="`pip install boto3`, or set the keys that "
            "`aws configure export-credentials --format env` prints",
        ) from None
    return Boto3CredentialProvider(boto3.Session(profile_name=profile))
