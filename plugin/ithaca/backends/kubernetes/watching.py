"""One watch that lasts: resumed where it broke, listed again where the server forgot."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import TYPE_CHECKING, Any

from ithaca.backends.kubernetes.answers import refused

if TYPE_CHECKING:
    from collections.abc import Iterator

LASTS = 300
"""Seconds after which the server ends a watch by itself."""

SILENCE = 90
"""Seconds without a word after which a connection counts as dead; bookmarks come each minute."""

_LOOK = 0.5
"""Seconds that a watch may outlast `stop`."""

_FIRST_PAUSE, _LAST_PAUSE = 1.0, 10.0
_REFUSALS = (401, 403)
_MOST_REFUSED = 4
"""So many refusals one after the other are no passing state of a server that starts."""

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

    Raises:
        BackendError: We may not see it.
    """
    import httpx2
    from lightkube.core.exceptions import ConfigError

    version, pause, known, refusals = "", _FIRST_PAUSE, False, 0
    while not stop.is_set():
        try:
            if not version:
                found, version = _listed(http, path, name)
                refusals = 0
                if found is None and known:
                    return
                known = found is not None
                yield from filter(None, [found])
            for kind, found in _events(http, path, name, version, stop):
                pause, refusals, version = _FIRST_PAUSE, 0, found["metadata"]["resourceVersion"]
                if stop.is_set() or kind == "DELETED":
                    return
                if kind != "BOOKMARK":
                    known = True
                    yield found
        except _Forgotten:
            version = ""
        except httpx2.HTTPStatusError as error:
            refusals = _refusals(refusals, error.response, path)
        except (httpx2.HTTPError, ConfigError, OSError, ValueError):
            pass  # nothing that is known has become wrong; what happened meanwhile comes later
        # also after a good end: a proxy that ends each watch at once must not be flooded
        stop.wait(pause)
        pause = min(pause * 2, _LAST_PAUSE)


def _refusals(before: int, response: Any, path: str) -> int:
    """How many refusals there were one after the other; raises the one that is too much."""
    if response.status_code not in _REFUSALS:
        return 0
    if before + 1 < _MOST_REFUSED:
        return before + 1
    response.read()
    raise refused(response, path)


def _listed(http: Any, path: str, name: str) -> tuple[dict[str, Any] | None, str]:
    response = http.get(path, params={"fieldSelector": f"metadata.name={name}"})
    response.raise_for_status()
    content = response.json()
    found = content["items"][0] if content["items"] else None
    return found, content["metadata"]["resourceVersion"]


def _events(
    http: Any, path: str, name: str, version: str, stop: threading.Event
) -> Iterator[tuple[str, dict[str, Any]]]:
    query = {
        "watch": "true",
        "fieldSelector": f"metadata.name={name}",
        "resourceVersion": version,
        "allowWatchBookmarks": "true",
        "timeoutSeconds": str(LASTS),
    }
    with (
        http.stream("GET", path, params=query, timeout=SILENCE) as response,
        _cut_by(stop, response),
    ):
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


@contextlib.contextmanager
def _cut_by(stop: threading.Event, response: Any) -> Iterator[None]:
    """Let `stop` end a read that waits for the next event: only a cut connection wakes it."""
    connection = response.extensions["network_stream"].get_extra_info("socket")
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK):
            if stop.is_set():
                with contextlib.suppress(OSError):
                    # of the plain socket: that of TLS is not safe beside a read
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
                return

    threading.Thread(target=look, daemon=True, name="cut").start()
    try:
        yield
    finally:
        over.set()
