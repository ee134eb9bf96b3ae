"""A user's project, and the command line, which must never show a traceback."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

import warm_program
from notebooks import PYTHON, Cell, write_notebook

COMMAND = (sys.executable, "-P", "-m", "ithaca")
"""Like the installed script, this imports nothing from the working directory."""


@dataclass(frozen=True)
class Answer:
    """The program's answer.

    Attributes:
        code: Its exit code.
        out: Its standard output.
        err: Its standard error.
    """

    code: int
    out: str
    err: str

    @property
    def output(self) -> str:
        """Both streams."""
        return self.out + self.err

    @property
    def codes(self) -> list[str]:
        """The codes of the errors that it reported, in order."""
        return re.findall(r"error[ \[](ITH\d{3})", self.output)

    def assert_error(self, code: str, *parts: str, exit_code: int) -> None:
        """Assert that it reported one error with these parts, a cure and this exit code."""
        assert self.codes == [code], self.output
        assert self.code == exit_code, self.output
        assert "→ " in self.output, self.output
        missing = [part for part in parts if part not in self.output]
        assert not missing, (missing, self.output)


@dataclass
class Project:
    """A user's project.

    Attributes:
        root: Its folder.
        env: Environment variables of the commands.
    """

    root: Path
    env: dict[str, str] = field(default_factory=dict)

    def notebook(
        self,
        *cells: Cell,
        name: str = "nb.ipynb",
        metadata: Mapping[str, Any] = PYTHON,
    ) -> Path:
        """Write a notebook of tagged cells."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return write_notebook(path, *cells, metadata=metadata)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command line in the project's folder."""
        options.setdefault("cwd", self.root)
        return subprocess.Popen(
            [*COMMAND, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.env},
            **options,
        )

    def ithaca(self, *arguments: str, cwd: Path | str | None = None) -> Answer:
        """Run a command line to its end, in the project's folder unless another one is given."""
        env = {**os.environ, **self.env}
        done = warm_program.call(*arguments, folder=cwd or self.root, env=env)
        return self._answer(done.returncode, done.stdout, done.stderr)

    def answer(self, process: subprocess.Popen[str]) -> Answer:
        """The answer of a command line after it has ended."""
        out, err = process.communicate()
        return self._answer(process.returncode, out, err)

    def _answer(self, code: int, out: str, err: str) -> Answer:
        answer = Answer(code, out, err)
        assert "Traceback" not in answer.output, answer.output
        assert "ITH999" not in answer.output, answer.output
        assert "ITH599" not in answer.output, answer.output
        return answer

    def steps(self, run: str = "latest") -> dict[str, dict[str, Any]]:
        """The steps of a run by name, as `runs show` prints them."""
        answer = self.ithaca("runs", "show", run, "--json")
        return {step["name"]: step for step in json.loads(answer.out)["steps"]}

    def processes(self) -> list[psutil.Process]:
        """The processes whose command line, variables or folder name the project."""
        text, found = str(self.root), []
        own = {os.getpid(), *(each.pid for each in psutil.Process().parents())}
        for process in psutil.process_iter():
            try:
                marks = " ".join(process.cmdline()) + process.cwd()
                marks += "".join(process.environ().get(each, "") for each in _MARKS)
                alive = process.status() != psutil.STATUS_ZOMBIE
                if text in marks and process.pid not in own and alive:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found

    def kill(self) -> None:
        """Kill what is left of it."""
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def assert_sound(self) -> None:
        """Assert that its store verifies and that none of its processes is running."""
        # A supervisor cleans up shortly after the run has ended for its user.
        psutil.wait_procs(self.processes(), timeout=60)
        assert [(each.pid, each.cmdline()) for each in self.processes()] == []
        if not (self.root / ".ithaca").exists() and not self.env:
            return
        answer = self.ithaca("snapshots", "verify")
        assert answer.code == 0 or answer.codes in (["ITH402"], ["ITH603"]), answer.output


_MARKS = ("ITHACA_ROOT", "ITHACA_HOME")
