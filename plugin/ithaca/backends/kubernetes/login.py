"""Credentials from the command that a kubeconfig names for its user.

The `kubernetes` package runs such commands too, but logs their failures instead of raising them,
ignores `interactiveMode`, and passes the cluster on as it stands in the kubeconfig. So they are
run here, by the rules of client-go:
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")

_EXTENSION = "client.authentication.k8s.io/exec"
"""Name of the cluster's extension that holds settings for the command."""


class Credential(NamedTuple):
    """What a command returned.

    Attributes:
        user: The credential as a user of a kubeconfig.
        until: When it expires, in seconds since the epoch.
    """

    user: dict[str, str]
    until: float


def ask(command: Mapping[str, Any], cluster: Mapping[str, Any], folder: Path) -> Credential:
    """Run the command once.

    Args:
        command: `exec` of the kubeconfig's user.
        cluster: The cluster; the paths in it are absolute.
        folder: Where the kubeconfig is.

    Raises:
        BackendError: It fails, or does not print a credential (ITH668).
    """
    version, program = command.get("apiVersion"), str(command.get("command") or "")
    if version not in VERSIONS:
        raise _failed(program, f"unsupported apiVersion {version}; use one of {VERSIONS}")
    interactive = _is_interactive(command, program)
    spec: dict[str, Any] = {"interactive": interactive}
    if command.get("provideClusterInfo"):
        spec["cluster"] = _info(cluster)
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": spec}
    # A path is relative to the kubeconfig; a bare name is looked up in PATH.
    path = str(folder / Path(program).expanduser()) if os.sep in program else program
    try:
        done = subprocess.run(
            [path, *(command.get("args") or ())],
            env={
                **os.environ,
                **{each["name"]: each["value"] for each in command.get("env") or ()},
                "KUBERNETES_EXEC_INFO": json.dumps(info),
            },
            stdin=None if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=None if interactive else subprocess.PIPE,  # where it prompts
            text=True,
            check=False,
        )
    except OSError as error:
        hint = str(command.get("installHint") or "").strip()
        raise _failed(program, f"{error.strerror}{hint and f'; {hint}'}") from None
    if done.returncode:
        lines = (done.stderr or "").strip().splitlines()
        reason = f"exit code {done.returncode}{f': {lines[-1]}' if lines else ''}"
        raise _failed(program, reason)
    return _read(program, version, done.stdout)


def _is_interactive(command: Mapping[str, Any], program: str) -> bool:
    """Whether the command may prompt."""
    mode = command.get("interactiveMode") or "IfAvailable"
    terminal = sys.stdin is not None and sys.stdin.isatty()
    if mode == "Always" and not terminal:
        raise _failed(program, "it must prompt, and standard input is not a terminal")
    if mode not in ("Always", "IfAvailable", "Never"):
        raise _failed(program, f"unknown interactiveMode {mode}")
    return terminal and mode != "Never"


def _info(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """The cluster as an `ExecCredential` has it."""
    keys = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url")
    found = {key: cluster.get(key) for key in (*keys, "disable-compression")}
    found["certificate-authority-data"] = cluster.get("certificate-authority-data")
    path = cluster.get("certificate-authority")
    if path and not found["certificate-authority-data"]:
        found["certificate-authority-data"] = base64.b64encode(Path(path).read_bytes()).decode()
    for each in cluster.get("extensions") or ():
        if each.get("name") == _EXTENSION:
            found["config"] = each.get("extension")
    return {key: value for key, value in found.items() if value}


def _read(program: str, version: str, text: str) -> Credential:
    try:
        printed = json.loads(text)
        status, expires = printed["status"], printed["status"].get("expirationTimestamp")
        token, certificate, key = (
            status.get(name) or "" for name in ("token", "clientCertificateData", "clientKeyData")
        )
        until = datetime.fromisoformat(expires).timestamp() if expires else float("inf")
        encoded = [base64.b64encode(text.encode()).decode() for text in (certificate, key)]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _failed(program, "its output is not an ExecCredential") from None
    if printed.get("apiVersion") != version:
        raise _failed(program, f"it printed {printed.get('apiVersion')} instead of {version}")
    if bool(certificate) != bool(key):
        raise _failed(program, "it printed a certificate or a key, but not both")
    if not token and not certificate:
        raise _failed(program, "it printed neither a token nor a certificate")
    names = ("token", "client-certificate-data", "client-key-data")
    user = zip(names, (token, *encoded), strict=True)
    return Credential({name: text for name, text in user if text}, until)


def _failed(program: str, reason: str) -> BackendError:
    return BackendError(
        "ITH668",
        f"the kubeconfig's command returned no credentials: {reason}",
        where=program,
        cure="log in with the tool of your cluster until `kubectl get nodes` works",
    )
