"""What an image may lack, or a pod may not let us use, and what stands in for it."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ithaca.runner.pod.options import Options

CERTIFICATES = "certificates.pem"
"""In the folder of a copy's interpreter: the authorities that the runner's image trusts."""

TRUSTED = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
)
"""Where systems keep them, in one file."""


def complete(options: Options) -> None:
    """Give this process, and so the kernel, a home and a place for temporary files.

    A pod of any user, with a file system that is read-only, has neither; what the image or the pod
    says of them counts as long as it can be used.

    Args:
        options: The command line.
    """
    home = os.environ.get("HOME", "")
    if not (home and os.access(home, os.W_OK | os.X_OK)):
        os.environ["HOME"] = _folder(options, "home")
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        os.environ["TMPDIR"] = _folder(options, "tmp")


def _folder(options: Options, name: str) -> str:
    folder = Path(options.work) / name
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)


@contextlib.contextmanager
def authorities() -> Iterator[None]:
    """Trust whom the runner's image trusts, where the pod's image trusts nobody.

    For connections that are made meanwhile. The variable is taken back: programs of the image have
    their own ways.
    """
    brought = Path(sys.base_prefix) / CERTIFICATES
    told = any(name in os.environ for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    if told or not brought.is_file() or any(Path(each).is_file() for each in TRUSTED):
        yield
        return
    os.environ["SSL_CERT_FILE"] = str(brought)
    try:
        yield
    finally:
        del os.environ["SSL_CERT_FILE"]
