"""A backend under test: a project, the command line, and failures of machines.

To test another backend, add one class: a `Place`, or a `ClusterPlace` if its steps run in pods. The
class skips tests of unsupported features with a reason; no test asks which backend it runs on.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

import warm_program
from notebooks import Cell, write_notebook

if TYPE_CHECKING:
    from api_gate import Gate

POLL = 0.3
"""Seconds between two polls."""

CHECKS = 50
"""Number of checks of an outside condition between two polls of the run."""

ACTIVE = ("pending", "running")
"""Statuses of a run that has not ended."""

Json = dict[str, Any]
"""The output of a command with `--json`."""


class Engine(ABC):
    """The engine that starts the steps of a run."""

    @abstractmethod
    def restart(self) -> None:
        """Restart the engine and wait until it is ready."""

    @abstractmethod
    def gate(self, folder: Path) -> AbstractContextManager[Gate]:
        """A way to the engine's API for one client; files that it needs go into a folder."""


class Place(ABC):
    """A project whose runs one backend executes.

    Args:
        folder: The project's root, which is created. Its name must be unique.
    """

    backend: ClassVar[str]
    """The value of `--backend`."""

    host: ClassVar[str]
    """An address of this machine that steps can reach."""

    poll: ClassVar[float] = POLL
    """Seconds between two polls of a run; each poll starts a command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".git").mkdir(parents=True)
        self.settings()

    @classmethod
    def unavailable(cls) -> str:
        """The reason why nothing can run there; empty if the backend is available."""
        return ""

    def own_settings(self) -> str:
        """The lines of `[tool.ithaca.<backend>]`."""
        return ""

    def environment(self) -> dict[str, str]:
        """The environment variables of a user of the backend."""
        return {}

    def store_options(self) -> tuple[str, ...]:
        """The options that name the store; empty for the project's own."""
        return ()

    @classmethod
    @contextlib.contextmanager
    def reserved(cls, *, alone: bool = False) -> Iterator[None]:
        """Reserve the place for one test.

        Args:
            alone: Whether no other test may use the engine at the same time.
        """
        yield

    @abstractmethod
    def lose_machine(self, run_id: str, step: str) -> None:
        """Kill the machine of a step without a signal to the step."""

    @abstractmethod
    def terminate(self, run_id: str, step: str) -> None:
        """Send SIGTERM to a step, as a drained machine does."""

    @property
    @abstractmethod
    def engine(self) -> Engine:
        """The engine, if there is one."""

    @abstractmethod
    def on_another_machine(self) -> Place:
        """The same project on another machine that shares only the store."""

    @abstractmethod
    def use_image_without_ithaca(self, own: str = "") -> None:
        """Run steps in an image with Python and ipykernel, but without Ithaca.

        Args:
            own: Further lines under `[tool.ithaca.<backend>]`.
        """

    @abstractmethod
    def manifests(self) -> list[Json]:
        """The manifests that `ithaca compile --backend` prints for the notebook."""

    @abstractmethod
    def answer_to_request(self, resource: str) -> str:
        """The outcome of the notebook's request: `refused`, or the requested amount."""

    @abstractmethod
    def memory_limit(self, amount: str) -> str:
        """The tag that limits the memory of a step."""

    @abstractmethod
    def secret(self, value: str, variable: str) -> str:
        """Create a secret for the backend, and return the tag of a step that needs it."""

    def settings(self, own: str = "", **general: Any) -> None:
        """Write the project's `pyproject.toml`.

        Args:
            own: Further lines under `[tool.ithaca.<backend>]`.
            general: Values under `[tool.ithaca]`.
        """
        settings = {"parallel": 2, **general}
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        (self.folder / "pyproject.toml").write_text(
            "\n".join(["[tool.ithaca]", *lines, f"[tool.ithaca.{self.backend}]"])
            + f"\n{self.own_settings()}{own}\n"
        )

    def notebook(self, *cells: Cell) -> None:
        """Write `nb.ipynb`, a notebook of tagged cells."""
        write_notebook(self.folder / "nb.ipynb", *cells)

    def begin(self, *words: str, **env: str) -> subprocess.Popen[str]:
        """Start a command with additional environment variables."""
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "ithaca", *words],
            cwd=self.folder,
            env={**os.environ, **self.environment(), **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ithaca(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, with additional environment variables."""
        variables = {**os.environ, **self.environment(), **env}
        return warm_program.call(*words, folder=self.folder, env=variables)

    def json(self, *words: str) -> Any:
        """The output of a command with `--json`."""
        done = self.ithaca(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def run(self, *words: str, notebook: str = "nb.ipynb") -> tuple[int, Json]:
        """Run a notebook to its end, and return the exit code and the output of `--json`."""
        done = self.ithaca("run", notebook, "--backend", self.backend, "--json", *words)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def start(self, *words: str) -> str:
        """Start a detached run of the notebook, and return its id."""
        done = self.ithaca("run", "nb.ipynb", "--backend", self.backend, "--detach", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextlib.contextmanager
    def watching(self, *words: str, **env: str) -> Iterator[subprocess.Popen[str]]:
        """Run the notebook in a process that waits for the end of the run."""
        begun = self.begin("run", "nb.ipynb", "--backend", self.backend, "--json", *words, **env)
        try:
            yield begun
        finally:
            if begun.poll() is None:
                begun.kill()
            begun.communicate()

    def show(self, reference: str) -> Json:
        """The output of `runs show` for a run, or for `RUN/STEP`."""
        run: Json = self.json("runs", "show", reference)
        return run

    def attempts(self, run_id: str, step: str) -> list[str]:
        """The statuses of the attempts of a step, in order."""
        return [each["status"] for each in self.show(f"{run_id}/{step}")["attempts"]]

    def wait(self, run_id: str, holds: Callable[[Json], object]) -> Json:
        """Poll a run until a condition holds; fail if the run ends first."""
        while not holds(run := self.show(run_id)):
            assert run["status"] in ACTIVE, run
            time.sleep(self.poll)
        return run

    def wait_outside(self, run_id: str, holds: Callable[[], object]) -> None:
        """Wait for a condition outside the run; fail if the run ends first."""
        while not holds():
            for _ in range(CHECKS):
                if holds():
                    return
                time.sleep(POLL / 5)
            run = self.show(run_id)
            assert holds() or run["status"] in ACTIVE, run

    def end(self, run_id: str) -> Json:
        """Wait for the end of a run, and return it."""
        return self.wait(run_id, lambda run: run["status"] not in ACTIVE)


def statuses(run: Json) -> dict[str, str]:
    """The status of each step of a run."""
    return {each["name"]: each["status"] for each in run["steps"]}


def skip_test(reason: str) -> Any:
    """Skip the test, because the backend does not support the feature."""
    pytest.skip(reason)
