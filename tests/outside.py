"""An HTTP server that steps can reach from any machine.

Steps on another machine share no files with a test. Instead they call this server: to count their
attempts, and to wait until the test opens a gate. So no test depends on a guessed duration.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from notebooks import Cell

LOOK = 0.1
"""Seconds between two checks that a waiting step is still connected."""

_SOURCE = """
def outside(what, name):
    from http.client import HTTPConnection

    there = HTTPConnection({host!r}, {port})
    there.request("GET", f"/{{what}}/{{name}}")
    return int(there.getresponse().read())
"""


class Outside:
    """Counters and gates.

    Attributes:
        cell: A cell that defines `outside("count", NAME)`, which returns the number of calls, and
            `outside("gate", NAME)`, which returns when the test opens the gate.
        waiting: The number of waiting steps at each gate.
    """

    def __init__(self, host: str, port: int) -> None:
        self.cell: Cell = ("functions", _SOURCE.format(host=host, port=port))
        self.waiting: Counter[str] = Counter()
        self._counts: Counter[str] = Counter()
        self._open: set[str] = set()
        self._changed = threading.Condition()

    def calls(self, name: str) -> int:
        """The number of calls."""
        return self._counts[name]

    def open(self, *gates: str) -> None:
        """Open gates for all present and future steps."""
        with self._changed:
            self._open.update(gates)
            self._changed.notify_all()

    def wait_until_gone(self, gate: str) -> None:
        """Wait until no step waits at a gate that nobody opens: those that waited have ended."""
        while self.waiting[gate]:
            time.sleep(LOOK)

    def count(self, name: str) -> int:
        """Count a step, and return the number of calls."""
        with self._changed:
            self._counts[name] += 1
            return self._counts[name]

    def pass_gate(self, name: str, step: socket.socket) -> int:
        """Hold a step until its gate is open or the step has disconnected."""
        with self._changed:
            self.waiting[name] += 1
            try:
                while name not in self._open and not _is_gone(step):
                    self._changed.wait(LOOK)
            finally:
                self.waiting[name] -= 1
            return self._counts[name]


def _is_gone(step: socket.socket) -> bool:
    readable, _, _ = select.select([step], [], [], 0)
    try:
        return bool(readable) and step.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True


@contextlib.contextmanager
def serve(host: str) -> Iterator[Outside]:
    """Serve the steps of one test at an address of this machine.

    Steps that still wait at the end fail, so that no step outlives its test.
    """

    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            super().setup()
            # The network of a pod can go before its processes close their connections.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
                self.connection.setsockopt(socket.IPPROTO_TCP, option, 2)

        def do_GET(self) -> None:
            _, what, name = self.path.split("/", 2)
            answer = (
                found.count(name) if what == "count" else found.pass_gate(name, self.connection)
            )
            with contextlib.suppress(OSError):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(str(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server((host, 0), Handler) as server:
        found = Outside(host, server.server_port)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield found
        server.shutdown()
