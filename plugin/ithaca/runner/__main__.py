"""`python -m ithaca.runner TASK.json` executes one attempt of a step; with options, a pod's."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from ithaca.errors import IthacaError
from ithaca.runner import processes
from ithaca.runner.step import execute
from ithaca.runner.task import Task


def main(arguments: list[str]) -> int:
    """Execute the task; 0 when the step succeeded or was reused, else 1.

    Args:
        arguments: Path of the task, or a pod's options.
    """
    if len(arguments) != 1 or arguments[0].startswith("-"):
        from ithaca.runner import pod

        return pod.main(arguments)
    try:
        task = msgspec.json.decode(Path(arguments[0]).read_bytes(), type=Task)
        processes.adopt()
        end = execute(task)
    except (OSError, msgspec.MsgspecError) as error:
        print(f"the task cannot be read: {error}", file=sys.stderr)  # noqa: T201
        return 2
    except IthacaError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0 if end.status in ("succeeded", "reused") else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
