"""What an engine that knows only good and bad makes of the runner's exit code.

Tekton repeats whatever failed, and starts nothing more in a run in which something failed. So the
container of a step may fail, and one after it says what counts: an attempt that is worth another
one fails the pod; a step that has failed for good leaves an empty execution, and what needs it is
skipped.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ithaca.runner.pod.options import FINAL

if TYPE_CHECKING:
    from ithaca.runner.pod.options import Options

_RESULTS = ("execution", "metrics")


def judge(options: Options) -> int:
    """Turn the exit code of the container before into the pod's.

    Args:
        options: The command line; `judge` is the file that holds the code.

    Returns:
        0 when the step is over, however it ended; 1 when it has to be tried again.
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
