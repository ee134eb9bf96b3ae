"""A backend as these tests see it: a project, the command line, and failures of machines.

A new backend is one more class: a `Place`, or a `ClusterPlace` where its steps run in pods. It
skips what it cannot show, with the reason; no test asks which backend it runs on.
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
from pathlib import Path
from typing import Any, ClassVar

import pytest

import warm_program
from notebooks import Cell, write_notebook

POLL = 0.3
"""Seconds between two polls."""

LOOKS = 50
"""Number of checks of a condition outside of a run between two polls of the run."""

GOING_ON = ("pending", "running")
"""Statuses of a run that has not ended."""

Told = dict[str, Any]
"""What `--json` prints."""


class Engine(ABC):
    """The engine that starts the steps of a run."""

    @abstractmethod
    def restart(self) -> None:
        """Restart it, and wait until it is ready."""

    @abstractmethod
    def cut_off(self, seconds: float) -> None:
        """Stop its API from answering for a while."""


class Place(ABC):
    """A project whose runs one backend executes.

    Args:
        folder: The project's root, which is made; its name is unique.
    """

    backend: ClassVar[str]
    """What `--backend` calls it."""

    host: ClassVar[str]
    """An address of this machine that steps reach."""

    poll: ClassVar[float] = POLL
    """Seconds between two looks at a run; each is a command of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / ".git").mkdir(parents=True)
        self.settings()

    @classmethod
    def absent(cls) -> str:
        """Why nothing can run there; empty if something can."""
        return ""

    def own_settings(self) -> str:
        """The lines of `[tool.ithaca.<backend>]`."""
        return ""

    def environment(self) -> dict[str, str]:
        """Variables that a user of the backend has set."""
        return {}

    def store_words(self) -> tuple[str, ...]:
        """Options that name the store, where it is not the project's own."""
        return ()

    @classmethod
    @contextlib.contextmanager
    def kept(cls, *, alone: str = "") -> Iterator[None]:
        """Keep the place for one test.

        Args:
            alone: What no other test may use meanwhile: `engine`, `cluster` (all engines), or
                nothing; then only tests that want it alone are kept out.
        """
        yield

    @abstractmethod
    def lose(self, run_id: str, step: str) -> None:
        """Kill the machine of a step without a signal to the step."""

    @abstractmethod
    def ask_to_end(self, run_id: str, step: str) -> None:
        """Send a step SIGTERM, as a machine does that is drained."""

    @property
    @abstractmethod
    def engine(self) -> Engine:
        """The engine, if it is separate from the runs."""

    @abstractmethod
    def elsewhere(self) -> Place:
        """The same project on another machine that shares only the store."""

    @abstractmethod
    def use_image_without_ithaca(self, own: str = "") -> None:
        """Let steps run in an image that has Python and ipykernel, but no Ithaca.

        Args:
            own: Further lines under `[tool.ithaca.<backend>]`.
        """

    @abstractmethod
    def manifests(self) -> list[Told]:
        """What `ithaca compile --backend` prints of the notebook."""

    @abstractmethod
    def answer_to_request(self, resource: str) -> str:
        """The outcome of the notebook's request: `refused`, or the amount that the engine gets."""

    @abstractmethod
    def memory_limit(self, amount: str) -> str:
        """The tag of a step that may use so much memory."""

    @abstractmethod
    def secret(self, value: str, variable: str) -> str:
        """Keep a secret where the backend looks for it; gives the tag of a step that needs it."""

    def settings(self, own: str = "", **general: Any) -> None:
        """Write the project's `pyproject.toml`.

        Args:
            own: Further lines under `[tool.ithaca.<backend>]`.
            general: What stands under `[tool.ithaca]`.
        """
        told = {"parallel": 2, **general}
        lines = [f"{name} = {json.dumps(value)}" for name, value in told.items()]
        (self.folder / "pyproject.toml").write_text(
            "\n".join(["[tool.ithaca]", *lines, f"[tool.ithaca.{self.backend}]"])
            + f"\n{self.own_settings()}{own}\n"
        )

    def notebook(self, *cells: Cell) -> None:
        """Write `nb.ipynb`, a notebook of tagged cells."""
        write_notebook(self.folder / "nb.ipynb", *cells)

    def begin(self, *words: str, **env: str) -> subprocess.Popen[str]:
        """Begin a command line as a user would, with further variables set."""
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
        """Call the command line, with further variables set, and wait for its end."""
        variables = {**os.environ, **self.environment(), **env}
        return warm_program.call(*words, folder=self.folder, env=variables)

    def json(self, *words: str) -> Any:
        """What a command prints with `--json`."""
        done = self.ithaca(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def run(self, *words: str, notebook: str = "nb.ipynb") -> tuple[int, Told]:
        """Run a notebook to its end, and return the exit code and what `--json` prints."""
        done = self.ithaca("run", notebook, "--backend", self.backend, "--json", *words)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def start(self, *words: str) -> str:
        """Start a detached run of the notebook, and return its id."""
        done = self.ithaca("run", "nb.ipynb", "--backend", self.backend, "--detach", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextlib.contextmanager
    def watching(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """Run the notebook in a process of its own that waits for the end."""
        begun = self.begin("run", "nb.ipynb", "--backend", self.backend, "--json", *words)
        try:
            yield begun
        finally:
            if begun.poll() is None:
                begun.kill()
            begun.communicate()

    def show(self, reference: str) -> Told:
        """What `runs show` prints of a run, or of `RUN/STEP`."""
        told: Told = self.json("runs", "show", reference)
        return told

    def attempts(self, run_id: str, step: str) -> list[str]:
        """How the attempts of a step ended, the first one first."""
        return [each["status"] for each in self.show(f"{run_id}/{step}")["attempts"]]

    def wait(self, run_id: str, holds: Callable[[Told], object]) -> Told:
        """Poll a run until a condition holds; a run that ends before fails the test."""
        while not holds(told := self.show(run_id)):
            assert told["status"] in GOING_ON, told
            time.sleep(self.poll)
        return told

    def wait_outside(self, run_id: str, holds: Callable[[], object]) -> None:
        """Wait for a condition outside of a run; a run that ends before fails the test."""
        while not holds():
            for _ in range(LOOKS):
                if holds():
                    return
                time.sleep(POLL / 5)
            told = self.show(run_id)
            assert holds() or told["status"] in GOING_ON, told

    def end(self, run_id: str) -> Told:
        """A run when it has ended."""
        return self.wait(run_id, lambda told: told["status"] not in GOING_ON)


def statuses(told: Told) -> dict[str, str]:
    """The status of each step of a run."""
    return {each["name"]: each["status"] for each in told["steps"]}


def cannot(why: str) -> Any:
    """Skip the test: the place cannot show the feature."""
    pytest.skip(why)
