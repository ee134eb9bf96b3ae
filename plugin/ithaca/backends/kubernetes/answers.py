"""Answers of the API server that are none of what was asked for."""

from __future__ import annotations

from typing import Any

from ithaca.errors import BackendError


class Unanswered(BackendError):
    """The API server did not say whether it did what was asked: it may have."""


def refused(response: Any, path: str) -> BackendError:
    """The error of an answer that is none of what was asked for.

    Args:
        response: The answer.
        path: What was asked.
    """
    try:
        said = response.json().get("message", "")
    except ValueError:
        said = response.text[:300]
    if response.status_code in (401, 403):
        return BackendError(
            "ITH661",
            f"the cluster does not let us: {said}",
            where=path,
            cure="ask for these rights in the namespace, or name another in `namespace`",
        )
    unsure = response.status_code >= 500 or response.status_code == 429
    return (Unanswered if unsure else BackendError)(
        "ITH662",
        f"the API server refused it ({response.status_code}): {said}",
        where=path,
        cure="mend what it says; most often a setting is the cause",
    )
