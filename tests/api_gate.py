"""A door to an API server for one client, which can be closed while others go on.

`python api_gate.py HOST PORT` forwards connections and prints its own port.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import yaml


class Gate:
    """A process that forwards connections; while it is stopped, nothing answers.

    Args:
        process: The process.
        kubeconfig: A configuration that leads through the gate.
    """

    def __init__(self, process: subprocess.Popen[str], kubeconfig: Path) -> None:
        self._process = process
        self.environment = {"KUBECONFIG": str(kubeconfig)}

    def close(self, seconds: float) -> None:
        """Keep connections and accept new ones, but pass nothing on for some seconds."""
        self._process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self._process.send_signal(signal.SIGCONT)


@contextlib.contextmanager
def open_gate(kubeconfig: Path, folder: Path) -> Iterator[Gate]:
    """A gate before the cluster of a configuration file with one cluster."""
    config = yaml.safe_load(kubeconfig.read_text())
    (cluster,) = (each["cluster"] for each in config["clusters"])
    server = urlsplit(cluster["server"])
    words = [sys.executable, __file__, str(server.hostname), str(server.port or 443)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        cluster.update({"server": f"https://127.0.0.1:{port}", "tls-server-name": server.hostname})
        own = folder / "kubeconfig"
        own.write_text(yaml.safe_dump(config))
        try:
            yield Gate(process, own)
        finally:
            process.kill()


async def _forward(host: str, port: int) -> None:
    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        others = await asyncio.open_connection(host, port)
        await asyncio.gather(_copy(reader, others[1]), _copy(others[0], writer))

    server = await asyncio.start_server(connect, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while content := await reader.read(2**16):
            writer.write(content)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(_forward(sys.argv[1], int(sys.argv[2])))
