"""The local backend as a place for the conformance suite."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import psutil

from places import Engine, Json, Place, skip_test

if TYPE_CHECKING:
    from pathlib import Path


class LocalPlace(Place):
    """Steps are processes of this machine, which share the project's folder."""

    backend, host = "local", "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._secrets: dict[str, str] = {}

    def environment(self) -> dict[str, str]:
        """`ITHACA_HOME` keeps the user's own store out of the test."""
        return {"ITHACA_HOME": str(self.folder / ".ithaca"), **self._secrets}

    def lose_machine(self, run_id: str, step: str) -> None:
        os.killpg(self._runner(run_id, step), signal.SIGKILL)

    def terminate(self, run_id: str, step: str) -> None:
        os.kill(self._runner(run_id, step), signal.SIGTERM)

    def _runner(self, run_id: str, step: str) -> int:
        """The process that executes a step; it leads a group of its own."""
        output = f"{self.folder}/.ithaca/work/{run_id}/{step}/runner-"
        for process in psutil.process_iter(["open_files"]):
            opened = [each.path for each in process.info["open_files"] or ()]
            leads = process.pid == os.getpgid(process.pid)
            if leads and any(each.startswith(output) for each in opened):
                return process.pid
        raise AssertionError(f"no process runs the step {step}")

    @property
    def engine(self) -> Engine:
        return skip_test("a local run's supervisor is the run's own, and nothing is in between")

    def on_another_machine(self) -> Place:
        return skip_test("a local run's documents are in the project's own folder")

    def use_image_without_ithaca(self, own: str = "") -> None:
        skip_test("steps of a local run are in no image")

    def manifests(self) -> list[Json]:
        return skip_test("the local backend has no manifests")

    def answer_to_request(self, resource: str) -> str:
        done = self.ithaca("run", "nb.ipynb", "--backend", "local")
        assert (done.returncode, "ITH621" in done.stderr) == (2, True), done
        assert not self._runs().exists()
        return "refused"

    def _runs(self) -> Path:
        return self.folder / ".ithaca" / "store" / "runs"

    def memory_limit(self, amount: str) -> str:
        return str(skip_test("this machine holds no step to its memory limit"))

    def secret(self, value: str, variable: str) -> str:
        self._secrets[variable] = value
        return f"secret:any:thing:{variable}"
