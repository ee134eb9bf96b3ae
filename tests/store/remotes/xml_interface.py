"""The XML interface of Google Cloud Storage before a server that has the JSON interface alone.

`obstore` speaks the XML interface, of which fake-gcs-server reads objects and lists buckets, but
writes nothing and knows no condition (its issue 331). Here a `PUT` becomes the upload that it
does know, with the condition as the server itself decides it; and what the server does not
look at is answered as the service does: a token that is not right, and a bucket that is not there.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

TOKEN = "ithaca-token"
_KEPT = ("Content-Type", "Content-Range", "Last-Modified", "ETag", "x-goog-generation")


@contextlib.contextmanager
def xml_server(port: int) -> Iterator[str]:
    """The address of the XML interface of the server that listens at a port."""
    handler = type("Handler", (_Handler,), {"port": port})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    port: int
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        bucket, _, name = urlsplit(self.path).path.removeprefix("/").partition("/")
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._refuse(401, "AuthenticationRequired", "Authentication required.")
        elif self._ask("GET", f"/storage/v1/b/{bucket}")[0] == 404:
            self._refuse(404, "NoSuchBucket", "The specified bucket does not exist.")
        elif self.command == "PUT":
            self._put(bucket, name, body)
        else:
            self._respond(*self._ask(self.command, self.path))

    do_HEAD = do_GET  # noqa: N815
    do_PUT = do_GET  # noqa: N815

    def _put(self, bucket: str, name: str, body: bytes) -> None:
        condition = self.headers["x-goog-if-generation-match"]
        query = {"uploadType": "media", "name": unquote(name)}
        if condition is not None:
            query["ifGenerationMatch"] = condition
        path = f"/upload/storage/v1/b/{bucket}/o?{urlencode(query)}"
        status, _, answer = self._ask("POST", path, body)
        if status == 412:
            why = "At least one of the pre-conditions you specified did not hold."
            return self._refuse(status, "PreconditionFailed", why)
        if status != 200:
            return self._refuse(status, "Unexpected", answer.decode())
        found = json.loads(answer)
        headers = {"ETag": found["etag"], "x-goog-generation": found["generation"]}
        return self._respond(status, headers, b"")

    def _ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, Any, bytes]:
        link = http.client.HTTPConnection("127.0.0.1", self.port)
        headers = {"Content-Type": "application/octet-stream"}
        if "Range" in self.headers:
            headers["Range"] = self.headers["Range"]
        link.request(method, path, body or None, headers)
        with contextlib.closing(link), link.getresponse() as answer:
            return answer.status, answer.headers, answer.read()

    def _refuse(self, status: int, code: str, message: str) -> None:
        body = (
            "<?xml version='1.0' encoding='UTF-8'?>"
            f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        )
        self._respond(status, {"Content-Type": "application/xml"}, body.encode())

    def _respond(self, status: int, headers: Any, body: bytes) -> None:
        self.send_response(status)
        for name in _KEPT:
            if name in headers:
                self.send_header(name, headers[name])
        length = headers["Content-Length"] if self.command == "HEAD" else len(body)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
