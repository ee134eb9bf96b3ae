"""A watch of objects: resumed when the connection breaks, restarted when its version expired."""

from __future__ import annotations

import contextlib
import json
import threading
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ithaca.backends.kubernetes.answers import FORBIDDEN, refused
from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from urllib3 import BaseHTTPResponse

    from ithaca.backends.kubernetes.connection import Connection

LASTS = 300
"""Seconds after which the server ends a watch."""

SILENCE = 90
"""Seconds without a byte after which a connection counts as dead; bookmarks come each minute."""

_POLL = 0.5
"""Seconds that a watch may outlast `stop`."""

_FIRST_PAUSE, _LAST_PAUSE = 1.0, 10.0
_MOST_REFUSED = 4
"""Refusals in a row that are not just a server starting up."""

_GONE = 410
_CHUNK = 65536
_PAGE = 500
"""Objects in one answer of a list."""


class _Expired(Exception):
    """The server no longer has the version to resume from."""


class Seen(NamedTuple):
    """What a watch reports.

    Attributes:
        change: `found` in a list, `changed` or `deleted`; `listed` after the last one of a list,
            which has no object.
        object: The object as it is now, or as it was when it was deleted.
    """

    change: Literal["found", "listed", "changed", "deleted"]
    object: dict[str, Any]


def follow(
    connection: Connection, path: str, wanted: Mapping[str, str], stop: threading.Event
) -> Iterator[Seen]:
    """Yield objects now and after each change, until `stop` is set.

    The list is repeated when the server has forgotten where the watch was. What such a list lacks
    was deleted meanwhile.

    Args:
        connection: The API server.
        path: Path of the objects of this kind.
        wanted: The `labelSelector` or `fieldSelector`.
        stop: Ends the watch.

    Raises:
        BackendError: You are not allowed to see them.
    """
    from urllib3.exceptions import HTTPError

    version, pause, refusals = "", _FIRST_PAUSE, 0
    while not stop.is_set():
        try:
            if not version:
                for page, latest in _listed(connection, path, wanted):
                    yield from (Seen("found", each) for each in page)
                    version = latest
                refusals = 0
                yield Seen("listed", {})
            for kind, found in _events(connection, path, wanted, version, stop):
                pause, refusals, version = _FIRST_PAUSE, 0, found["metadata"]["resourceVersion"]
                if stop.is_set():
                    return
                if kind != "BOOKMARK":
                    yield Seen("deleted" if kind == "DELETED" else "changed", found)
        except _Expired:
            version = ""
        except BackendError as error:
            refusals = _refusals(refusals, error)
        except (HTTPError, OSError, ValueError):
            pass  # what is known stays true; the next list or watch catches up
        # Also after a good end: do not flood a proxy that ends each watch at once.
        stop.wait(pause)
        pause = min(pause * 2, _LAST_PAUSE)


def follow_one(
    connection: Connection, path: str, name: str, stop: threading.Event
) -> Iterator[dict[str, Any]]:
    """Yield an object now and after each change, until it is deleted or `stop` is set.

    Args:
        connection: The API server.
        path: Path of the objects of this kind.
        name: Name of the object.
        stop: Ends the watch.

    Raises:
        BackendError: You are not allowed to see it.
    """
    known = found = False
    for change, content in follow(
        connection, path, {"fieldSelector": f"metadata.name={name}"}, stop
    ):
        if change == "deleted" or (change == "listed" and known and not found):
            return
        if change == "listed":
            found = False
        else:
            known = found = True
            yield content


def _refusals(before: int, error: BackendError) -> int:
    """Refusals in a row, including this error; raises it when they are too many."""
    if error.code != FORBIDDEN:
        return 0
    if before + 1 == _MOST_REFUSED:
        raise error
    return before + 1


def _listed(
    connection: Connection, path: str, wanted: Mapping[str, str]
) -> Iterator[tuple[list[dict[str, Any]], str]]:
    """The pages of a list; its version comes with the last one."""
    query, more = {**wanted, "limit": str(_PAGE)}, "first"
    while more:
        response = connection.request("GET", path, query)
        if response.status == _GONE:
            raise _Expired
        if response.status != 200:
            raise refused(response, path)
        content = response.json()
        more = query["continue"] = content["metadata"].get("continue") or ""
        yield content["items"], "" if more else content["metadata"]["resourceVersion"]


def _events(
    connection: Connection,
    path: str,
    wanted: Mapping[str, str],
    version: str,
    stop: threading.Event,
) -> Iterator[tuple[str, dict[str, Any]]]:
    query = {
        **wanted,
        "watch": "true",
        "resourceVersion": version,
        "allowWatchBookmarks": "true",
        "timeoutSeconds": str(LASTS),
    }
    with connection.stream(path, query, SILENCE) as response, _cut_by(stop, response):
        if response.status == _GONE:
            raise _Expired
        if response.status != 200:
            raise refused(response, path)
        for line in _lines(response):
            event = json.loads(line)
            if event["type"] == "ERROR":
                if event["object"].get("code") == _GONE:
                    raise _Expired
                raise OSError(event["object"].get("message", "the watch failed"))
            yield event["type"], event["object"]


def _lines(response: BaseHTTPResponse) -> Iterator[bytes]:
    """The lines of an answer, each as soon as it has come."""
    rest = b""
    while data := response.read1(_CHUNK):
        *lines, rest = (rest + data).split(b"\n")
        yield from filter(bytes.strip, lines)


@contextlib.contextmanager
def _cut_by(stop: threading.Event, response: BaseHTTPResponse) -> Iterator[None]:
    """Let `stop` end a read that waits for the next event: only a shutdown wakes it."""
    over = threading.Event()

    def poll() -> None:
        while not over.wait(_POLL):
            if stop.is_set():
                # It may have ended meanwhile.
                with contextlib.suppress(OSError, ValueError, RuntimeError):
                    response.shutdown()
                return

    threading.Thread(target=poll, daemon=True, name="cut").start()
    try:
        yield
    finally:
        over.set()
