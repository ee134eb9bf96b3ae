"""How people answered an ApprovalTask of manual-approval-gate, as the pod of the step reads it.

Tekton itself passes on only that there was an answer. Who gave it, and with which comment, is in
the ApprovalTask, which the pod reads from the API server with its service account. The runner
imports this module when a pod's command line names it, so it needs no library for Kubernetes.
"""

from __future__ import annotations

import json
import os
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from ithaca.errors import BackendError, UsageError
from ithaca.model.run import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Files of the pod's service account; missing where mounting them is switched off."""

_API = "/apis/openshift-pipelines.org/v1alpha1/namespaces"
_PAUSES = (1.0, 2.0, 4.0, 8.0, None)
"""Seconds between requests while the API server does not respond."""
_TIMEOUT = 30.0
_TRANSIENT = (429, 500, 502, 503, 504)

_DECISIONS = {"approved": "approve", "rejected": "reject"}


def answer(asked: str) -> Answer:
    """Read the answer of an ApprovalTask.

    Args:
        asked: `PIPELINERUN/TASK`, the task of the run that asked.

    Raises:
        UsageError: The pod may not read it, or it has no answer.
        BackendError: The API server does not respond.
    """
    found = [each for each in map(decided, _listed(*asked.split("/", 1))) if each is not None]
    if not found:
        raise _unknown(asked, "no ApprovalTask of this run is decided")
    return found[0]


def decided(approval_task: Mapping[str, Any]) -> Answer | None:
    """The answer in an ApprovalTask; None while it has none.

    Args:
        approval_task: The object.

    Example:
        >>> ann = {"name": "ann", "type": "User", "response": "approved", "message": "fine"}
        >>> decided({"status": {"state": "approved", "approversResponse": [ann]}})
        Answer(decision='approve', by='ann', comment='fine')
    """
    status = approval_task.get("status") or {}
    state = str(status.get("state") or "")
    if state not in _DECISIONS:
        return None
    comments = {
        str(each["name"]): str(each.get("message") or "")
        for each in _people(status.get("approversResponse") or ())
        if each.get("response") == state
    }
    if not comments:  # its time limit rejected it
        return Answer(_DECISIONS[state], "manual-approval-gate", "nobody answered in time")
    alone = len(comments) == 1
    written = {name: text for name, text in comments.items() if text}
    comment = "; ".join(text if alone else f"{name}: {text}" for name, text in written.items())
    return Answer(_DECISIONS[state], ", ".join(comments), comment)


def _people(responses: Any) -> Iterator[Mapping[str, Any]]:
    """The people who responded; a group is replaced by those of its members who did."""
    for each in responses:
        yield from each.get("groupMembers") or (each,)


def _listed(run: str, task: str) -> list[dict[str, Any]]:
    wanted = f"tekton.dev/pipelineRun={run},tekton.dev/pipelineTask={task}"
    for pause in _PAUSES:
        try:
            found: list[dict[str, Any]] = json.load(_get(wanted))["items"]
        except HTTPError as error:
            if error.code not in _TRANSIENT:
                raise _unknown(f"{run}/{task}", _message(error)) from None
            why = str(error)
        except (URLError, OSError, ValueError) as error:
            why = str(error)
        else:
            return found
        if pause is not None:
            time.sleep(pause)
    raise BackendError(
        "ITH536",
        f"the answer to the question cannot be read from the API server: {why}",
        where=f"{run}/{task}",
        cure="with `approval_task`, pods must reach the API server: check the namespace's "
        "NetworkPolicies",
    )


def _get(labels: str) -> Any:
    host, port = (os.environ.get(f"KUBERNETES_SERVICE_{each}") for each in ("HOST", "PORT"))
    try:
        token = (ACCOUNT / "token").read_text().strip()
        namespace = (ACCOUNT / "namespace").read_text().strip()
    except OSError:
        host = None
    if not host:
        raise _unknown(labels, "the pod has no service account")
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    query = urlencode({"labelSelector": labels})
    address = f"https://{place}{_API}/{namespace}/approvaltasks?{query}"
    trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    # Proxies are for addresses outside of the cluster.
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=trusted))
    request = Request(address, headers={"Authorization": f"Bearer {token}"})
    return opener.open(request, None, _TIMEOUT)


def _message(error: HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (OSError, ValueError, KeyError):
        return str(error)


def _unknown(asked: str, why: str) -> UsageError:
    return UsageError(
        "ITH536",
        f"the step does not run, because the answer to its question cannot be read: {why}",
        where=asked,
        cure="`ithaca manifests tekton --namespace NAMESPACE | kubectl apply -f -` gives pods the "
        "right to read it; then `ithaca runs retry`",
    )
