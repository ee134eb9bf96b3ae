"""Runs cells in fresh processes: a warm interpreter that forks a child for each row of cells.

Run as a program, it reads one JSON request a line and answers with one line. It imports IPython
(and what its arguments name) once, so that a sequence of cells starts within milliseconds; nothing
of a child comes back but what its cells printed and raised.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
from typing import Any


def main() -> None:
    """Answer requests until the input ends."""
    from IPython.core.interactiveshell import InteractiveShell

    for name in sys.argv[1:]:
        importlib.import_module(name)

    class Shell(InteractiveShell):
        def enable_gui(self, gui: str | None = None) -> None:
            """No windows, as in a kernel with inline figures."""

        def showtraceback(self, *args: Any, **kw: Any) -> None:
            """What was raised is in the answer; the text names the cells' counts."""

        showsyntaxerror = showtraceback

    shell = Shell.instance()
    shell.history_manager.enabled = False
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            status = 1
            with contextlib.suppress(BaseException):
                run(shell, request)
                status = 0
            os._exit(status)
        _, ended = os.waitpid(child, 0)
        print(json.dumps({"status": ended}), flush=True)


def run(shell: Any, request: dict[str, Any]) -> None:
    """Run the cells of one request, each with its output in a file of its own."""
    os.environ.update(request["env"])
    os.chdir(request["folder"])
    sys.path[:] = [*request["path"], *[entry for entry in sys.path if entry]]
    answers: list[dict[str, Any]] = []
    for number, source in enumerate(request["cells"]):
        output = os.open(f"{request['output']}.{number}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        sys.stdout = open(1, "w", buffering=1, closefd=False, encoding="utf-8")  # noqa: SIM115
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        ended = shell.run_cell(source, store_history=True)
        sys.stdout.flush()
        problem = ended.error_before_exec or ended.error_in_exec
        if problem is not None:
            answers.append({"error": f"{type(problem).__name__}: {problem}"})
            break
        answers.append({"error": None})
    with open(request["output"], "w", encoding="utf-8") as file:
        json.dump(answers, file)


if __name__ == "__main__":
    main()
