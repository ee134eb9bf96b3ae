"""An HTTPS server on loopback that asks for client certificates; its keys are for tests only."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Answer(BaseHTTPRequestHandler):
    """Says whose certificate and which token a request came with."""

    connection: ssl.SSLSocket

    def do_GET(self) -> None:
        certificate = self.connection.getpeercert() or {}
        names = dict(pair for part in certificate.get("subject", ()) for pair in part)
        self.say({"name": names.get("commonName"), "token": self.headers.get("Authorization")})

    def say(self, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def serving(folder: Path, answer: type[Answer] = Answer, *, plain: bool = False) -> Iterator[int]:
    """The port of a server; its authority's certificate is in `folder / "ca.crt"`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for name, text in (("ca.crt", AUTHORITY), ("server.crt", SERVER + SERVER_KEY)):
        (folder / name).write_text(text)
    context.load_cert_chain(folder / "server.crt")
    context.load_verify_locations(folder / "ca.crt")
    context.verify_mode = ssl.CERT_OPTIONAL
    with ThreadingHTTPServer(("127.0.0.1", 0), answer) as server:
        server.daemon_threads = True
        if not plain:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


AUTHORITY = """-----BEGIN CERTIFICATE-----
MIIBijCCATGgAwIBAgIUAfKzD9jZ7MyaNj7VOOWnXQjVL5wwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHdGVzdC1jYTAgFw0yNjExMjgwODA2MDVaGA8yMTI2MTEwNDA4
MDYwNVowEjEQMA4GA1UEAwwHdGVzdC1jYTBZMBMGByqGSM49AgEGCCqGSM49AwEH
A0IABJ6baQ/BYeDobtWID60UuZDZjFEufTILqKIUK+tR3Bx5kOq1zfKD9ru115IT
g97l9DhERR+x4nHMUXgi/ZnJquajYzBhMB0GA1UdDgQWBBT5CHHghrH0OElgcBRi
VLvorZGIozAfBgNVHSMEGDAWgBT5CHHghrH0OElgcBRiVLvorZGIozAPBgNVHRMB
Af8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAKBggqhkjOPQQDAgNHADBEAiA9iS3H
+musFN0TbXV4UYBtCJlI4wjQqc9wzzsEOP9xLgIgRhyZkubs+tA3ozWEmprywz/a
jfArNJJm/NPM45VYDz8=
-----END CERTIFICATE-----
"""

SERVER = """-----BEGIN CERTIFICATE-----
MIIBpTCCAUugAwIBAgIUXz0YOKEnSAfRHyIWqt8GhgTwJ1wwCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHdGVzdC1jYTAgFw0yNjExMjgwODA2MDVaGA8yMTI2MTEwNDA4
MDYwNVowETEPMA0GA1UEAwwGc2VydmVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
QgAE98L6Uy593ZWBc9xIPkUMWN/R835A7C7p5m1jnCiNeGHKGtFxoha65ziKC5cF
ASZqD+S3BUeJ7ERX4rCb8R80naN+MHwwGgYDVR0RBBMwEYcEfwAAAYIJbG9jYWxo
b3N0MAkGA1UdEwQCMAAwEwYDVR0lBAwwCgYIKwYBBQUHAwEwHwYDVR0jBBgwFoAU
+Qhx4Iax9DhJYHAUYlS76K2RiKMwHQYDVR0OBBYEFIQElqkd3yhH7MbPjgv7IaYX
WIdYMAoGCCqGSM49BAMCA0gAMEUCIQDJdKtc3pipV8KJ1eWM1ULVMSnmicUEHGrd
oyM0gZxd1gIgeReHJSFSrTkiSt+f6B6r35featrkENEEncgVQGuf2gY=
-----END CERTIFICATE-----
"""

SERVER_KEY = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQbrZdi4//zzUa8up
YpBjXbaz3fgdzDiabMf99ZFkLX+hRANCAAT3wvpTLn3dlYFz3Eg+RQxY39HzfkDs
LunmbWOcKI14Ycoa0XGiFrrnOIoLlwUBJmoP5LcFR4nsRFfisJvxHzSd
-----END PRIVATE KEY-----
"""

CLIENT = """-----BEGIN CERTIFICATE-----
MIIBpDCCAUugAwIBAgIUXz0YOKEnSAfRHyIWqt8GhgTwJ10wCgYIKoZIzj0EAwIw
EjEQMA4GA1UEAwwHdGVzdC1jYTAgFw0yNjExMjgwODA2MDVaGA8yMTI2MTEwNDA4
MDYwNVowETEPMA0GA1UEAwwGY2xpZW50MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
QgAEjTat4AMMizD0daFrr1qZixYY3YM4ucHi5y1AfuWLAyyGS3bd/KoJ23MSz/og
7SYzhKxUoOSY06TkeI7vRDtfSKN+MHwwGgYDVR0RBBMwEYcEfwAAAYIJbG9jYWxo
b3N0MAkGA1UdEwQCMAAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHwYDVR0jBBgwFoAU
+Qhx4Iax9DhJYHAUYlS76K2RiKMwHQYDVR0OBBYEFP3XKiO10RM5VW/674S8IRRm
xBT0MAoGCCqGSM49BAMCA0cAMEQCIGtjIAQAJQ3cSa7FjKkwAM2EPqzOSewJcldT
vo6fo0TVAiBW0SJN2ZSH1yaWg/thMOPYhsOnVp+df3kdFTgvvouRgA==
-----END CERTIFICATE-----
"""

CLIENT_KEY = """-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqJokUhw7l26E3c0f
QmjWiOSurj9FVOnKFNOsBZiGXzuhRANCAASNNq3gAwyLMPR1oWuvWpmLFhjdgzi5
weLnLUB+5YsDLIZLdt38qgnbcxLP+iDtJjOErFSg5JjTpOR4ju9EO19I
-----END PRIVATE KEY-----
"""
