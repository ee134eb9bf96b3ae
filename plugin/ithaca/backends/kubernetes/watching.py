"""One watch that lasts: resumed where it broke, listed again where the server forgot."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator

LASTS = 300
"""Seconds after which the server ends a watch by itself; a dead connection lasts no longer."""

_FIRST_PAUSE, _LAST_PAUSE = 1.0, 10.0
_GONE = 410


class _Forgotten(Exception):
    """The server no longer knows the version that the watch would go on from."""


def follow(http: Any, path: str, name: str, stop: threading.Event) -> Iterator[dict[str, Any]]:
    """An object now and after each change, until it is deleted or `stop` is set.

    Args:
        http: The authenticated client.
        path: Of the objects of this kind.
        name: Of the object.
        stop: Ends the watch.
    """
    import httpx2

    version, pause, known = "", _FIRST_PAUSE, False
    while not stop.is_set():
        try:
            if not version:
                found, version = _listed(http, path, name)
                if found is None and known:
                    return
                if found is not None:
                    known = True
                    yield found
            for kind, found in _events(http, path, name, version):
                pause, version = _FIRST_PAUSE, found["metadata"]["resourceVersion"]
                if stop.is_set() or kind == "DELETED":
                    return
                if kind != "BOOKMARK":
                    known = True
                    yield found
        except _Forgotten:
            version = ""
        except (httpx2.HTTPError, OSError, ValueError):
            stop.wait(pause)
            pause = min(pause * 2, _LAST_PAUSE)


def _listed(http: Any, path: str, name: str) -> tuple[dict[str, Any] | None, str]:
    response = http.get(path, params={"fieldSelector": f"metadata.name={name}"})
    response.raise_for_status()
    content = response.json()
    found = content["items"][0] if content["items"] else None
    return found, content["metadata"]["resourceVersion"]


def _events(http: Any, path: str, name: str, version: str) -> Iterator[tuple[str, dict[str, Any]]]:
    query = {
        "watch": "true",
        "fieldSelector": f"metadata.name={name}",
        "resourceVersion": version,
        "allowWatchBookmarks": "true",
        "timeoutSeconds": str(LASTS),
    }
    with http.stream("GET", path, params=query, timeout=LASTS + 30) as response:
        if response.status_code == _GONE:
            raise _Forgotten
        response.raise_for_status()
        for line in response.iter_lines():
            if not line.strip():
                continue
            event = json.loads(line)
            if event["type"] == "ERROR":
                if event["object"].get("code") == _GONE:
                    raise _Forgotten
                raise OSError(event["object"].get("message", "the watch failed"))
            yield event["type"], event["object"]
