"""Runs steps one after another, each in a fresh interpreter, as the runner does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = """
import sys, json
import ithaca_kernel
sent = json.loads(sys.stdin.read())
exec(compile(sent["prelude"], "prelude", "exec"), globals())
del sent["prelude"], ithaca_kernel
import ithaca_kernel; ithaca_kernel.load()
exec(compile(sent["cells"], "cells", "exec"), globals())
import ithaca_kernel; ithaca_kernel.save()
"""
# The names of the program itself are not the notebook's.
PROGRAM = PROGRAM.replace("sent", "__sent__")


@dataclass
class Chain:
    """A root whose steps run one after another."""

    folder: Path
    kernel: Path
    python: str = sys.executable
    count: int = 0
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def values(self) -> Path:
        return self.root / ".ithaca-volume" / "values"

    def step(
        self,
        cells: str,
        *,
        reads: str = "",
        writes: str = "",
        functions: str = "",
        definitions: str = "",
        prelude: str = "",
        env: dict[str, str] | None = None,
        expect_error: bool = False,
        **settings: Any,
    ) -> dict[str, Any]:
        """Run a step that succeeds; returns its report, with what it printed as `stdout`."""
        self.root.mkdir(exist_ok=True)
        self.count += 1
        report = self.folder / f"report-{self.count}.json"
        step_file = self.folder / f"step-{self.count}.json"
        content = {
            "name": f"step{self.count}",
            "root": str(self.root),
            "volume": str(self.root / ".ithaca-volume"),
            "reads": reads.split(),
            "writes": writes.split(),
            "definitions": definitions.split(),
            "report": str(report),
            "read_later": writes.split(),
            **self.settings,
            **settings,
        }
        step_file.write_text(json.dumps(content))
        ended = subprocess.run(
            [self.python, "-c", PROGRAM],
            input=json.dumps({"prelude": prelude + "\n" + functions, "cells": cells}),
            cwd=self.root,
            env={
                **os.environ,
                "PYTHONPATH": str(self.kernel),
                "ITHACA_STEP": str(step_file),
                "PYTHONHASHSEED": "0",
                **(env or {}),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        found = json.loads(report.read_text()) if report.exists() else {"error": None}
        found["stdout"] = ended.stdout
        assert bool(found["error"]) == expect_error, ended.stderr
        assert expect_error or not ended.returncode, ended.stderr
        return found

    def refused(self, cells: str, **settings: Any) -> dict[str, Any]:
        """Run a step that ends with an error of Ithaca's; returns the error."""
        return self.step(cells, expect_error=True, **settings)["error"]

    def branch(self, name: str) -> Chain:
        """A copy of the chain as it is now, at the same root path as far as values can see."""
        folder = self.folder / name
        shutil.copytree(self.root, folder / "root")
        return Chain(folder, self.kernel, self.python)

    def join(self, *others: Chain) -> None:
        """Take over the others' objects, and those of their names that are new or differ."""
        for other in others:
            shutil.copytree(other.values / "objects", self.values / "objects", dirs_exist_ok=True)
            shutil.copytree(other.values / "names", self.values / "names", dirs_exist_ok=True)

    def pointer(self, name: str) -> dict[str, Any]:
        return json.loads((self.values / "names" / f"{name}.json").read_text())

    def pointers(self) -> dict[str, bytes]:
        return {path.stem: path.read_bytes() for path in (self.values / "names").glob("*.json")}

    def object(self, name: str) -> str:
        return self.pointer(name)["object"]

    def document(self, name: str) -> dict[str, Any]:
        return json.loads(
            (self.values / "objects" / self.object(name) / "document.json").read_text()
        )
