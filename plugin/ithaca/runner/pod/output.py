"""What a pod leaves for its engine: a message, results in files, and an exit code.

Some engines know only success and failure: they repeat every pod that fails, and start nothing
more in a run in which one failed for good. There a step's container may fail, and a second one
judges its exit code: an attempt that should be repeated fails the pod; a step that failed for good
leaves an empty execution, and the steps that need it are skipped.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.model.run import FINAL

if TYPE_CHECKING:
    from ithaca.runner.pod.options import Options

_LONGEST_MESSAGE = 2048
"""Bytes of a termination message."""
_RESULTS = ("execution", "metrics")


def say(options: Options, text: str) -> None:
    """Write the termination message, when the engine has made a file for it.

    Args:
        options: The command line.
        text: What went wrong, without secrets.
    """
    path = Path(options.termination)
    if path.is_file() and os.access(path, os.W_OK):
        with contextlib.suppress(OSError):
            path.write_bytes(text.encode("utf-8", "replace")[:_LONGEST_MESSAGE])


def report(options: Options, text: str) -> None:
    """Write what went wrong to the termination message and to the pod's log.

    Args:
        options: The command line.
        text: What went wrong, without secrets.
    """
    print(text, file=sys.stderr)  # noqa: T201
    say(options, text)


def pass_on(options: Options, **results: str | bytes) -> None:
    """Write results to where the engine finds them.

    Args:
        options: The command line.
        results: Content by name.
    """
    folder = options.results
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in results.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)


def judge(options: Options) -> int:
    """Turn the exit code of a step's container into the pod's.

    Args:
        options: The command line; `judge` is the file that holds the code.

    Returns:
        0 when the step is over, however it ended; 1 when it should be tried again.
    """
    try:
        code = int(Path(options.judge).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return 1
    if code not in (0, FINAL):
        return 1
    for name in _RESULTS:
        result = options.results / name
        if code == FINAL or not result.exists():
            result.write_text("", encoding="utf-8")
    return 0
