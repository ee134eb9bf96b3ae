"""Requests to the API server, signed with credentials that are renewed when they expire.

The connections, their TLS and their proxies are those of the `kubernetes` package. Its calls are
not used: they differ between its versions, and cannot send a header twice.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from urllib3 import HTTPHeaderDict, Timeout
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationValueError,
    NewConnectionError,
    ProxyError,
    SSLError,
)

from ithaca.backends.kubernetes import kubeconfig
from ithaca.backends.kubernetes.answers import unreachable
from ithaca.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from urllib3 import BaseHTTPResponse

    from ithaca.backends.kubernetes.kubeconfig import Access

CONNECT = 10.0
"""Seconds that a connection may take."""

ANSWER = 75.0
"""Seconds without a byte of an answer; the API server itself gives up after 60."""

_EARLY = 30.0
"""Seconds before their end that credentials are renewed."""

_UNAUTHORIZED = 401

_NOT_SENT = (ConnectTimeoutError, LocationValueError, NewConnectionError, ProxyError, SSLError)


class Connection:
    """The API server, reached as one user.

    Args:
        access: How to reach it.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        """Where the API server is."""
        return self._access.address

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> BaseHTTPResponse:
        """Send a request and read the whole answer, whatever its status.

        Args:
            method: `GET`, …
            path: Such as `/version`.
            query: Parameters.
            body: Sent as JSON.
            content_type: What the body is.

        Raises:
            BackendError: It was not sent (ITH660).
            Unanswered: There was no answer (ITH660).
        """
        data = None if body is None else json.dumps(body).encode()
        more = {} if data is None else {"Content-Type": content_type}
        return self._signed(method, path, query, body=data, headers=more)

    @contextlib.contextmanager
    def stream(
        self, path: str, query: Mapping[str, str], silence: float
    ) -> Iterator[BaseHTTPResponse]:
        """An answer to read as it comes.

        Args:
            path: What to get.
            query: Parameters.
            silence: Seconds without a byte after which reading fails.
        """
        response = self._signed("GET", path, query, silence=silence, whole=False)
        try:
            yield response
        finally:
            response.close()  # not read to its end, so its connection is of no more use
            response.release_conn()

    def _signed(
        self, method: str, path: str, query: Mapping[str, str] | None, **more: Any
    ) -> BaseHTTPResponse:
        """Send a request; once more with other credentials when the first are rejected."""
        target = f"{path}?{urlencode(query)}" if query else path
        used = self._current()
        response = self._sent(used, method, target, **more)
        if response.status != _UNAUTHORIZED:
            return response
        newer = self._current(rejected=used)
        if newer.credential() == used.credential():
            return response
        response.close()
        return self._sent(newer, method, target, **more)

    def _sent(
        self,
        used: Access,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        silence: float = ANSWER,
        whole: bool = True,
    ) -> BaseHTTPResponse:
        all_headers = HTTPHeaderDict({"User-Agent": "ithaca", **(headers or {})})
        all_headers.extend(used.impersonation)
        all_headers.extend(used.authorization())
        try:
            response: BaseHTTPResponse = used.pool.urlopen(
                method,
                used.address + target,
                body=body,
                headers=all_headers,
                preload_content=whole,
                redirect=False,
                retries=False,
                timeout=Timeout(connect=CONNECT, read=silence),
            )
        except (HTTPError, OSError) as error:
            sent = not isinstance(error, _NOT_SENT)
            raise unreachable(str(error) or type(error).__name__, self.address, sent=sent) from None
        return response

    def _current(self, *, rejected: Access | None = None) -> Access:
        """The credentials to use now.

        Args:
            rejected: Those that the API server did not accept.
        """
        with self._lock:
            known = self._access
            if known is rejected or time.time() >= known.until - _EARLY:
                with contextlib.suppress(BackendError):  # the API server judges the old ones
                    self._access = kubeconfig.access(known.context)
            return self._access
