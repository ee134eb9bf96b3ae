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

from kubernetes.client.rest import RESTClientObject
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
from ithaca.backends.kubernetes.answers import nowhere, unreachable
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
        self._opened = _Opened(access)
        self._lock = threading.Lock()

    @property
    def address(self) -> str:
        """Where the API server is."""
        return str(self._opened.access.configuration.host)

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
        used: _Opened,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        silence: float = ANSWER,
        whole: bool = True,
    ) -> BaseHTTPResponse:
        all_headers = HTTPHeaderDict({"User-Agent": "ithaca", **(headers or {})})
        all_headers.extend(used.access.impersonation)
        all_headers.extend(used.authorization())
        try:
            response: BaseHTTPResponse = used.pool.urlopen(
                method,
                used.access.configuration.host + target,
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

    def _current(self, *, rejected: _Opened | None = None) -> _Opened:
        """The credentials to use now.

        Args:
            rejected: Those that the API server did not accept.
        """
        with self._lock:
            known = self._opened
            if known is rejected or time.time() >= known.access.until - _EARLY:
                with contextlib.suppress(BackendError):  # the API server judges the old ones
                    self._opened = _Opened(kubeconfig.access(known.access.context))
            return self._opened


class _Opened:
    """Connections that show one credential."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.pool: Any = RESTClientObject(access.configuration).pool_manager

    def authorization(self) -> dict[str, str]:
        """The header with the token, if there is one; a pod's token is read again."""
        try:
            settings = self.access.configuration.auth_settings().values()
        except Exception as error:  # the package may read or fetch a token here
            raise nowhere(f"{type(error).__name__}: {error}") from None
        return {each["key"]: each["value"] for each in settings if each["value"]}

    def credential(self) -> tuple[Any, ...]:
        """What tells it from others; the package names files of certificates by their content."""
        return self.authorization(), self.access.configuration.cert_file
