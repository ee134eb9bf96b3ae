"""Runs a notebook twice: in one process, and step by step as Ithaca does; and compares.

Everything is real but the pods and the kernels' messages: the notebook is compiled, each step's
cells are those of the runner's own notebook, they run in a process of their own on a restored
snapshot with `ithaca_kernel` loading and saving, and joins are `ithaca.store.merge`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import notebooks
from ithaca.compiling.compile import check
from ithaca.kernel import install
from ithaca.model.workflow import Step, Workflow
from ithaca.runner import notebook as step_notebook
from ithaca.runner.cells import read_later
from ithaca.store import Ignore, LocalStore, MergeNode, MergeRules, Store, merge, restore, take

Cells = Sequence[tuple[str, str]]
SECTIONS = {"imports", "functions", "pipeline-parameters", "pipeline-metrics", "skip", ""}
SCIENCE = ("numpy", "pandas", "sklearn.linear_model", "sklearn.model_selection")
IPYTHON = tempfile.mkdtemp()
_NUMBERED = re.compile(r"^Out\[\d+\]: ?", re.MULTILINE)
_TIMES = re.compile(r"^(CPU times|Wall time):.*$", re.MULTILINE)
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")


class Shell:
    """A warm interpreter in a process of its own."""

    def __init__(self, *warm: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(Path(__file__).with_name("law_shell.py")), *warm],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONHASHSEED": "0",
                "MPLBACKEND": "Agg",
                "IPYTHONDIR": IPYTHON,
            },
        )

    def run(self, cells: list[str], folder: Path, output: Path, **env: str) -> list[Ran]:
        """Run cells; those after a failure did not run."""
        path = [str(folder), *env.pop("PYTHONPATH", "").split(os.pathsep)]
        request = {
            "cells": cells,
            "folder": str(folder),
            "output": str(output),
            "env": env,
            "path": [entry for entry in path if entry],
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        assert json.loads(self._process.stdout.readline())["status"] == 0
        ran = []
        for number, answer in enumerate(json.loads(output.read_text())):
            text = Path(f"{output}.{number}").read_text()
            text = _ADDRESS.sub("0x", _TIMES.sub(r"\1", _NUMBERED.sub("", text)))
            ran.append(Ran(text, answer["error"]))
        return ran

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@dataclass(frozen=True)
class Ran:
    """What a cell printed and how it failed."""

    text: str
    error: str | None = None


@dataclass
class Compared:
    """A notebook's two runs.

    Attributes:
        expected: What each step's cells print in one process, with its ancestors before it.
        shown: What they print under Ithaca.
        error: Ithaca's own message that ended the run.
        workflow: The workflow.
        notices: Codes of the diagnostics.
    """

    expected: dict[str, list[Ran]] = field(default_factory=dict)
    shown: dict[str, list[Ran]] = field(default_factory=dict)
    error: str = ""
    workflow: Workflow | None = None
    diagnostics: tuple[Any, ...] = ()
    expected_files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)

    @property
    def codes(self) -> set[str]:
        """Codes of the diagnostics and of the message that ended the run."""
        return {found.code for found in self.diagnostics} | set(re.findall(r"ITH\d+", self.error))


class Bench:
    """A folder in which notebooks run.

    Args:
        folder: An empty folder.
        shells: The warm interpreters, the one with the science stack second.
        kernel: Where `ithaca_kernel` is installed.
    """

    def __init__(self, folder: Path, shells: tuple[Shell, Shell], kernel: Path) -> None:
        self.folder = folder
        self.root = folder / "project"
        self._shells = shells
        self._kernel = kernel
        self._count = 0

    def compare(self, cells: Cells, files: dict[str, str] | None = None) -> Compared:
        """Run a notebook both ways."""
        science = any(word in source for _, source in cells for word in ("pandas", "sklearn"))
        self._shell = self._shells[science]
        self.root.mkdir()
        write_notebook(self.root / "nb.ipynb", cells)
        for name, text in (files or {}).items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)
        checked = check(self.root / "nb.ipynb", root=self.root)
        found = Compared(workflow=checked.workflow, diagnostics=checked.diagnostics)
        if checked.workflow is None:
            found.error = "; ".join(f"{one.code} {one.message}" for one in checked.errors)
            return found
        store = LocalStore.open(self.folder / "store")
        source = take(store, self.root, ignore=Ignore(source=True)).digest
        self._one_process(found, cells, checked.workflow, store, source)
        self._ithaca(found, checked.workflow, store, source)
        return found

    # -- one process

    def _one_process(
        self, found: Compared, cells: Cells, workflow: Workflow, store: Store, source: str
    ) -> None:
        order = [step.name for step in workflow.steps]
        done: list[list[str]] = []
        for step in reversed(workflow.steps):
            names = [n for n in order if n in workflow.ancestors(step.name) or n == step.name]
            if any(names == sequence[: len(names)] for sequence in done):
                continue
            done.append(names)
            shown = self._sequence(cells, workflow, names, store, source)
            for name in names:
                before = [n for n in order if n in workflow.ancestors(name)]
                if name not in found.expected and names[: len(before) + 1] == [*before, name]:
                    found.expected[name] = shown[name]
            found.expected_files[step.name] = self._files()

    def _sequence(
        self, cells: Cells, workflow: Workflow, names: list[str], store: Store, source: str
    ) -> dict[str, list[Ran]]:
        numbers: list[tuple[str, str]] = []
        for tag in ("pipeline-parameters",):
            numbers += [("", text) for tags, text in cells if tag in tags.split()]
        numbers += [
            ("", text) for tags, text in cells if {"imports", "functions"} & set(tags.split())
        ]
        for name in names:
            numbers += [
                (name, code.source) for code in workflow.step(name).code if code.kind == "user"
            ]
        self._restore(store, source)
        ran = self._run([text for _, text in numbers])
        shown: dict[str, list[Ran]] = {name: [] for name in names}
        for (name, _), result in zip(numbers, ran, strict=False):
            if name:
                shown[name].append(result)
            else:
                assert result.error is None, result.error
        return shown

    # -- Ithaca

    def _ithaca(self, found: Compared, workflow: Workflow, store: Store, source: str) -> None:
        nodes: dict[str, MergeNode] = {}
        for step in workflow.steps:
            before = source
            if len(step.needs) == 1:
                before = nodes[step.needs[0]].after
            elif step.needs:
                try:
                    before = merge(
                        store,
                        step.needs,
                        load=nodes.__getitem__,
                        rules=MergeRules.of({}, order=[each.name for each in workflow.steps]),
                        read_later={*step.reads, *read_later(workflow, step.name)},
                    ).digest
                except Exception as problem:
                    found.error = f"{getattr(problem, 'code', '')} {problem}"
                    return
            self._restore(store, before)
            found.shown[step.name] = ran = self._step(workflow, step)
            failed = next((each.error for each in ran if each.error), None)
            if failed:
                found.error = failed if "ITH" in failed else ""
                return
            found.files[step.name] = self._files()
            after = take(store, self.root, ignore=Ignore.read(self.root)).digest
            nodes[step.name] = MergeNode(
                step=step.name, before=before, after=after, parents=step.needs
            )

    def _step(self, workflow: Workflow, step: Step) -> list[Ran]:
        volume = self.root / ".ithaca-volume"
        volume.mkdir(exist_ok=True)
        step_file = self.folder / f"step-{step.name}.json"
        content = {
            "name": step.name,
            "root": str(self.root),
            "volume": str(volume),
            "reads": step.reads,
            "writes": step.writes,
            "parameters": step.parameters,
            "definitions": step_notebook.definitions(step),
            "metrics": {m.name: m.variable for m in workflow.metrics if m.step == step.name},
            "read_later": read_later(workflow, step.name),
            "report": str(self.folder / f"report-{step.name}.json"),
            "private_root": True,
            "secrets": [],
            "tracked": False,
        }
        step_file.write_text(json.dumps(content))
        cells = step_notebook.build(workflow, step)["cells"]
        ran = self._run(
            [cell["source"] for cell in cells],
            ITHACA_STEP=str(step_file),
            PYTHONPATH=str(self._kernel),
        )
        roles = [cell["metadata"]["ithaca"]["role"] for cell in cells]
        return [
            result
            for role, result in zip(roles, ran, strict=False)
            if role == "user" or result.error
        ]

    # -- both

    def _run(self, cells: list[str], **env: str) -> list[Ran]:
        self._count += 1
        output = self.folder / f"output-{self._count}"
        return self._shell.run(cells, self.root, output, **env)

    def _restore(self, store: Store, digest: str) -> None:
        shutil.rmtree(self.root)
        restore(store, digest, self.root)

    def _files(self) -> dict[str, bytes]:
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file()
            and not path.is_symlink()
            and not {".ithaca-volume", "__pycache__"} & set(path.parts)
        }


def write_notebook(path: Path, cells: Cells) -> None:
    """Write a notebook; a tag `b < a` stands for `step:b` and `prev:a`."""
    tagged = [(" ".join(as_tags(tags)), source) for tags, source in cells]
    notebooks.write_notebook(path, *tagged)


def as_tags(text: str) -> list[str]:
    """The tags of a cell."""
    words = text.split()
    if text in SECTIONS or any(":" in word for word in words):
        return words
    name, _, needs = text.partition("<")
    return [f"step:{name.strip()}", *(f"prev:{need.strip()}" for need in needs.split(",") if need)]


def in_a_row(*sources: str, **sections: str) -> list[tuple[str, str]]:
    """Cells of steps that need each other one after the other; `functions=…` and the like first."""
    named = "abcdefghij"
    cells = [
        (tag.replace("_", "-").replace("parameters", "pipeline-parameters"), text)
        for tag, text in sections.items()
    ]
    for number, source in enumerate(sources):
        needs = f" < {named[number - 1]}" if number else ""
        cells.append((f"{named[number]}{needs}", source))
    return cells


def difference(found: Compared) -> str:
    """How the two runs differ; empty when they do not."""
    if found.error:
        return found.error
    assert found.workflow is not None
    for step in found.workflow.steps:
        expected, shown = found.expected[step.name], found.shown.get(step.name)
        if expected != shown:
            return f"step {step.name}\n one process: {expected}\n Ithaca:      {shown}"
        if any(each.error for each in expected):
            return ""  # both fail in the same way
    for name, expected_files in found.expected_files.items():
        if expected_files != found.files[name]:
            return f"files after {name}: {expected_files} and {found.files[name]}"
    return ""


@contextmanager
def shells() -> Iterator[tuple[Shell, Shell]]:
    """The warm interpreters."""
    pair = (Shell(), Shell(*SCIENCE))
    try:
        yield pair
    finally:
        for shell in pair:
            shell.close()


def installed(folder: Path) -> Path:
    """Ithaca's side of the kernel."""
    return install(folder)
