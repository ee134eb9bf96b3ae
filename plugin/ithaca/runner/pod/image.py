"""Replacements for what an image or a pod may lack: a home, temporary files, certificates."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.runner.environments.building import SYSTEM_CERTIFICATES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ithaca.runner.pod.options import Options

CERTIFICATES = "certificates.pem"
"""Name of the runner image's certificate authorities, in the folder of a copy's interpreter."""


def complete(options: Options) -> None:
    """Give this process, and so the kernel, a home and a folder for temporary files.

    A pod with any user and a read-only file system may have neither. What the image or the pod sets
    is used as long as it works.

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
    """Use the runner image's certificate authorities where the pod's image has none.

    For connections inside the block. The variable is removed afterwards, since the image's own
    programs must not see it.
    """
    copied = Path(sys.base_prefix) / CERTIFICATES
    is_set = any(name in os.environ for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    if is_set or not copied.is_file() or any(Path(each).is_file() for each in SYSTEM_CERTIFICATES):
        yield
        return
    os.environ["SSL_CERT_FILE"] = str(copied)
    try:
        yield
    finally:
        del os.environ["SSL_CERT_FILE"]
