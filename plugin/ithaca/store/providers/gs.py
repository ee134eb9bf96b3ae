"""Google Cloud Storage: `obstore` follows Google's own chain of credentials."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.errors import UsageError
from ithaca.store.providers.base import Provider, Target, Variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from obstore.store import ObjectStore

_KEY, _FILE = "GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_APPLICATION_CREDENTIALS"
_PRIVATE_KEY = re.compile(r'"private_key"\s*:\s*"([^"]+)')


class Gs(Provider):
    """Google Cloud Storage."""

    scheme = "gs"
    form = "gs://BUCKET/PREFIX"
    variables = (
        Variable(_KEY, secret=True),
        Variable("GOOGLE_BEARER_TOKEN", secret=True),
        Variable("GOOGLE_BASE_URL"),
        Variable("GOOGLE_ALLOW_HTTP"),
        Variable("STORAGE_EMULATOR_HOST"),
    )
    key_file = (_KEY, _FILE)
    endpoint = "GOOGLE_BASE_URL"
    allow_http = "GOOGLE_ALLOW_HTTP"
    credentials_cure = (
        f"set {_FILE} to the key file of a service account, or run "
        "`gcloud auth application-default login`"
    )

    def connect(self, target: Target) -> ObjectStore:  # noqa: D102
        config = {}
        endpoint = target.environ.get("GOOGLE_BASE_URL")
        if not endpoint and (emulator := target.environ.get("STORAGE_EMULATOR_HOST")):
            endpoint = emulator if "://" in emulator else f"http://{emulator}"
            config["bearer_token"] = "none"  # noqa: S105  # never send credentials to an emulator
        return self.bucket(target, "GCSStore", config, ("base_url", endpoint))

    def pod_values(self, environ: Mapping[str, str]) -> dict[str, str]:
        """The variables that pods need; the content of a key file becomes a variable."""
        found = super().pod_values(environ)
        path = environ.get(_FILE)
        if path and _KEY not in found:
            found[_KEY] = _service_account(Path(path))
        return found

    def inner_secrets(self, value: str) -> Iterator[str]:
        """The lines of the private key: logs are masked line by line."""
        for key in _PRIVATE_KEY.findall(value):
            yield from (line for line in key.split("\\n") if not line.startswith("-----"))


def _service_account(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
        kind = json.loads(text)["type"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise _unusable(path, f"cannot read it ({type(error).__name__})") from None
    if kind != "service_account":
        raise _unusable(path, f'it holds credentials of the type "{kind}"')
    return text


def _unusable(path: Path, reason: str) -> UsageError:
    return UsageError(
        "ITH924",
        f"cannot make a secret from {_FILE}: {reason}",
        where=str(path),
        cure="use the key file of a service account, or omit --secret-from-env and grant the "
        "pods' service account access in the cloud",
    )
