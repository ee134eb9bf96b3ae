"""What can go wrong when the API server is asked for something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ithaca.errors import BackendError

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

FORBIDDEN = "ITH661"
"""Code of the errors for requests that the API server does not permit."""

_LONGEST = 300
"""Characters shown of an answer that is not JSON."""


class Unanswered(BackendError):
    """The API server did not say whether it did what was asked: it may have."""


def nowhere(reason: str) -> BackendError:
    """The error of a configuration that does not lead to a cluster."""
    return BackendError(
        "ITH663",
        f"no cluster is configured: {reason}",
        cure="set KUBECONFIG to a kubeconfig with which `kubectl get nodes` works",
    )


def unreachable(reason: str, address: str, *, sent: bool) -> BackendError:
    """The error of a request without an answer.

    Args:
        reason: What the connection reported.
        address: Where the API server should be.
        sent: Whether the request may have reached it.
    """
    return (Unanswered if sent else BackendError)(
        "ITH660",
        f"cannot reach the cluster: {reason}",
        where=address,
        cure="check the current context of your kubeconfig, and the network",
    )


def refused(response: BaseHTTPResponse, path: str) -> BackendError:
    """The error of an answer that reports a failure.

    Args:
        response: The answer.
        path: What was requested.
    """
    message = _message(response)
    if response.status in (401, 403):
        return BackendError(
            FORBIDDEN,
            f"the cluster denied the request: {message}",
            where=path,
            cure="ask for these rights in the namespace, or set another `namespace`",
        )
    unsure = response.status >= 500 or response.status == 429
    return (Unanswered if unsure else BackendError)(
        "ITH662",
        f"the API server rejected the request ({response.status}): {message}",
        where=path,
        cure="correct what the message names; usually it is a setting",
    )


def _message(response: BaseHTTPResponse) -> str:
    try:
        return str(response.json().get("message", ""))
    except (ValueError, AttributeError):
        return response.data.decode("utf-8", "replace")[:_LONGEST]
