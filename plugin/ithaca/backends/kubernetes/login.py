"""Credentials that a command of the kubeconfig gives, as the clouds' clusters have it.

The command is called as Kubernetes specifies it for `client.authentication.k8s.io/v1` (and
`v1beta1`): it finds the cluster in `KUBERNETES_EXEC_INFO` and prints an `ExecCredential`. What it
gives is kept until it expires, or the API server no longer takes it.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx2

from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Generator

    from lightkube.config.kubeconfig import SingleConfig

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")

_EARLY = 30.0
"""Seconds before their end that credentials are asked for again."""


class Credential(NamedTuple):
    """What a command gave.

    Attributes:
        token: Bearer token; empty when it gave a certificate only.
        certificate: PEM, or empty.
        key: PEM of the certificate's key.
        until: When it expires, seconds since the epoch.
    """

    token: str
    certificate: str
    key: str
    until: float


class Login(httpx2.Auth):
    """Signs requests with what the command gives.

    Args:
        config: The chosen context; its user has a command.
    """

    def __init__(self, config: SingleConfig) -> None:
        self._config = config
        self._known: Credential | None = None
        self._lock = threading.Lock()

    def credential(self, *, refused: Credential | None = None) -> Credential:
        """The credential that counts now.

        Args:
            refused: The one that the API server did not take.

        Raises:
            BackendError: The command gives none (ITH668).
        """
        with self._lock:
            known = self._known
            if known is not None and known is not refused and time.time() < known.until - _EARLY:
                return known
            try:
                self._known = ask(self._config)
            except BackendError:
                if known is None:
                    raise
                return known  # the server says whether it still counts
            return self._known

    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Sign a request, and once more with a new token when the first is refused."""
        used = self.credential()
        if not used.token:
            yield request
            return
        request.headers["Authorization"] = f"Bearer {used.token}"
        response = yield request
        if response.status_code == httpx2.codes.UNAUTHORIZED:
            request.headers["Authorization"] = f"Bearer {self.credential(refused=used).token}"
            yield request


def ask(config: SingleConfig) -> Credential:
    """Call the command once.

    Args:
        config: The chosen context; its user has a command.

    Raises:
        BackendError: It fails, or prints no credential (ITH668).
    """
    command = config.user.exec  # type: ignore[union-attr]
    assert command is not None
    if command.apiVersion not in VERSIONS:
        raise _failed(config, f"{command.apiVersion} is not known, only {', '.join(VERSIONS)}")
    program = command.command
    if os.sep in program:  # relative to the kubeconfig, as kubectl takes it
        program = str(config.abs_file(program))
    interactive = sys.stdin is not None and sys.stdin.isatty()
    try:
        done = subprocess.run(
            [program, *(command.args or ())],
            env={
                **os.environ,
                **{each.name: each.value for each in command.env or ()},
                "KUBERNETES_EXEC_INFO": json.dumps(_info(config, interactive=interactive)),
            },
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if interactive else subprocess.PIPE,  # it may ask there
            text=True,
            check=False,
        )
    except OSError as error:
        hint = f"; {command.installHint.strip()}" if command.installHint else ""
        raise _failed(config, f"it cannot be started: {error.strerror}{hint}") from None
    if done.returncode:
        said = (done.stderr or "").strip().splitlines()
        raise _failed(config, f"exit code {done.returncode}: {said[-1] if said else 'no word'}")
    return _read(config, done.stdout)


def _info(config: SingleConfig, *, interactive: bool) -> dict[str, Any]:
    cluster = config.cluster
    authority = cluster.certificate_auth_data
    if authority is None and cluster.certificate_auth is not None:
        data = config.abs_file(cluster.certificate_auth).read_bytes()  # type: ignore[union-attr]
        authority = base64.b64encode(data).decode()
    told = {
        "server": cluster.server,
        "insecure-skip-tls-verify": cluster.insecure,
        "certificate-authority-data": authority,
    }
    return {
        "apiVersion": config.user.exec.apiVersion,  # type: ignore[union-attr]
        "kind": "ExecCredential",
        "spec": {
            "interactive": interactive,
            "cluster": {name: value for name, value in told.items() if value},
        },
    }


def _read(config: SingleConfig, text: str) -> Credential:
    try:
        status = json.loads(text)["status"]
        expires = status.get("expirationTimestamp")
        found = Credential(
            token=status.get("token") or "",
            certificate=status.get("clientCertificateData") or "",
            key=status.get("clientKeyData") or "",
            until=_seconds(expires) if expires else float("inf"),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _failed(config, "what it prints is no ExecCredential") from None
    if not found.token and not (found.certificate and found.key):
        raise _failed(config, "it gives neither a token nor a certificate with its key")
    return found


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _failed(config: SingleConfig, why: str) -> BackendError:
    return BackendError(
        "ITH668",
        f"the kubeconfig's command gives no credentials: {why}",
        where=config.user.exec.command,  # type: ignore[union-attr]
        cure="sign in again with the tool of your cluster, until `kubectl get nodes` works",
    )
