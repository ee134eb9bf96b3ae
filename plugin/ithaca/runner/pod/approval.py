"""How people answered an ApprovalTask of manual-approval-gate, as the pod of the step reads it.

Tekton learns from it only that there was an answer. Who gave it and what they said stands in the
ApprovalTask, which the pod asks the API server for, by what its service account is given.
"""

from __future__ import annotations

import json
import os
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPSHandler, ProxyHandler, Request, build_opener

from ithaca.errors import BackendError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""What Kubernetes gives every pod, unless that is switched off."""

_API = "/apis/openshift-pipelines.org/v1alpha1/namespaces"
_PAUSES = (1.0, 2.0, 4.0, 8.0, None)
"""Seconds before the API server is asked again that gave no answer."""
_PATIENCE = 30.0
_PASSES = (429, 500, 502, 503, 504)

_DECISIONS = {"approved": "approve", "rejected": "reject"}


class Answer(NamedTuple):
    """What people decided together.

    Attributes:
        decision: `approve` or `reject`.
        by: Those who decided it.
        comment: What they said about it.
    """

    decision: str
    by: str
    comment: str


def answer(asked: str) -> Answer:
    """How an ApprovalTask was answered.

    Args:
        asked: `PIPELINERUN/TASK`, the task of the run that asked.

    Raises:
        UsageError: The pod may not see it, or it has no answer.
        BackendError: The API server gives no answer.
    """
    found = [each for each in map(told, _listed(*asked.split("/", 1))) if each is not None]
    if not found:
        raise _unknown(asked, "no ApprovalTask of this run is decided")
    return found[0]


def told(approval_task: Mapping[str, Any]) -> Answer | None:
    """What an ApprovalTask says; None while it has no answer.

    Args:
        approval_task: The object.

    Example:
        >>> ann = {"name": "ann", "type": "User", "response": "approved", "message": "fine"}
        >>> told({"status": {"state": "approved", "approversResponse": [ann]}})
        Answer(decision='approve', by='ann', comment='fine')
    """
    status = approval_task.get("status") or {}
    state = str(status.get("state") or "")
    if state not in _DECISIONS:
        return None
    said = {
        str(each["name"]): str(each.get("message") or "")
        for each in _people(status.get("approversResponse") or ())
        if each.get("response") == state
    }
    if not said:  # what rejects without anybody is its clock
        return Answer(_DECISIONS[state], "manual-approval-gate", "nobody answered in time")
    comments = {name: text for name, text in said.items() if text}
    alone = len(said) == 1
    comment = "; ".join(text if alone else f"{name}: {text}" for name, text in comments.items())
    return Answer(_DECISIONS[state], ", ".join(said), comment)


def _people(responses: Any) -> Iterator[Mapping[str, Any]]:
    """Of a group those who answered: it says nothing itself."""
    for each in responses:
        members = each.get("groupMembers")
        yield from members or (each,)


def _listed(run: str, task: str) -> list[dict[str, Any]]:
    wanted = f"tekton.dev/pipelineRun={run},tekton.dev/pipelineTask={task}"
    for pause in _PAUSES:
        try:
            found: list[dict[str, Any]] = json.load(_get(wanted))["items"]
        except HTTPError as error:
            if error.code not in _PASSES:
                raise _unknown(f"{run}/{task}", _said(error)) from None
            why = str(error)
        except (URLError, OSError, ValueError) as error:
            why = str(error)
        else:
            return found
        if pause is not None:
            time.sleep(pause)
    raise BackendError(
        "ITH536",
        f"the API server does not say how the question was answered: {why}",
        where=f"{run}/{task}",
        cure="pods must reach it where `approval_task` is set: see the namespace's NetworkPolicies",
    )


def _get(labels: str) -> Any:
    host, port = (
        os.environ.get("KUBERNETES_SERVICE_HOST"),
        os.environ.get("KUBERNETES_SERVICE_PORT"),
    )
    try:
        token = (ACCOUNT / "token").read_text().strip()
        namespace = (ACCOUNT / "namespace").read_text().strip()
    except OSError:
        host = None
    if not host:
        raise _unknown(labels, "the pod is given no service account")
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    address = (
        f"https://{place}{_API}/{namespace}/approvaltasks?{urlencode({'labelSelector': labels})}"
    )
    trusted = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))
    # A proxy for the world outside of the cluster is none for its API server.
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=trusted))
    return opener.open(
        Request(address, headers={"Authorization": f"Bearer {token}"}), None, _PATIENCE
    )


def _said(error: HTTPError) -> str:
    try:
        return str(json.load(error)["message"])
    except (OSError, ValueError, KeyError):
        return str(error)


def _unknown(asked: str, why: str) -> UsageError:
    return UsageError(
        "ITH536",
        f"how the question was answered cannot be seen, so the step does not run: {why}",
        where=asked,
        cure="`ithaca manifests tekton --namespace NAMESPACE | kubectl apply -f -` gives pods the "
        "right to see it; then `ithaca runs retry`",
    )
