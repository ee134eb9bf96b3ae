"""A project with a store, and a hand-made workflow whose steps the runner executes."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from ithaca.model.run import AttemptEnd, Execution
from ithaca.model.workflow import Code, Metric, Parameter, Source, Step, Workflow
from ithaca.records import names
from ithaca.runner.step import execute
from ithaca.runner.task import Task
from ithaca.store import Ignore, LocalStore, entries, take

RUN = "01JRUNNER0000000000000000000"


def step(name: str, *sources: str, **fields: Any) -> Step:
    """A step of user cells, numbered from 1."""
    code = tuple(
        source if isinstance(source, Code) else Code(cell=number, kind="user", source=source)
        for number, source in enumerate(sources, start=1)
    )
    digest = str(hash((name, sources)))
    return Step(name=name, code=code, code_digest=digest, **fields)


class Project:
    """A root with files, a workflow, and the ends of its steps."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.root.mkdir(parents=True)
        self.store = LocalStore.open(root / ".ithaca" / "store")
        self.python = sys.executable
        self.ends: dict[str, AttemptEnd] = {}
        self._attempts = itertools.count(1)
        self.workflow = Workflow(name="w", source=Source(notebook="nb.ipynb", digest="0"))

    def define(self, *steps: Step, notebook: str = "nb.ipynb", **fields: Any) -> Project:
        source = Source(notebook=notebook, digest="0")
        self.workflow = Workflow(name="w", source=source, steps=steps, **fields)
        return self

    def task(self, name: str, **fields: Any) -> Task:
        number = next(self._attempts)
        needs = self.workflow.step(name).needs
        defaults = {each.name: each.default for each in self.workflow.parameters}
        return Task(
            **{
                "store": str(self.store.path),
                "run": RUN,
                "step": name,
                "attempt": number,
                "workflow": self.store.put(self.workflow.to_json().encode()),
                "arguments": defaults,
                "source": take(self.store, self.root, ignore=Ignore(source=True)).digest,
                "parents": tuple(str(self.ends[need].execution) for need in needs),
                "root": str(self.root),
                "work": str(self.root / ".ithaca" / "work" / f"{name}-{number}"),
                "python": self.python,
                "environment": "",
                "notebook": self.workflow.source.notebook,
                **fields,
            }
        )

    def run(self, *steps: str, **fields: Any) -> AttemptEnd:
        """Run steps in order, and return the end of the last one."""
        for name in steps:
            self.ends[name] = execute(self.task(name, **fields))
        return self.ends[name]

    def start(self, name: str, **options: Any) -> tuple[Task, subprocess.Popen[bytes]]:
        """Start a runner process, as a supervisor does."""
        fields = {"owner_fd": options["pass_fds"][0]} if "pass_fds" in options else {}
        task = self.task(name, **fields)
        path = self.root / ".ithaca" / f"{name}-{task.attempt}.json"
        path.write_bytes(msgspec.json.encode(task))
        command = [sys.executable, "-P", "-m", "ithaca.runner", str(path)]
        return task, subprocess.Popen(command, start_new_session=True, **options)

    def log(self, name: str) -> str:
        prefix = names.attempt(RUN, name, self.ends[name].attempt, "log")
        chunks = self.store.list(prefix)
        return b"".join(self.store.read(f"{prefix}/{chunk}") for chunk in chunks).decode()

    def notebook(self, name: str) -> Any:
        place = names.attempt(RUN, name, self.ends[name].attempt, "notebook.ipynb")
        return json.loads(self.store.read(place))

    def files(self, name: str) -> list[str]:
        """The paths of the files in a step's snapshot, without values."""
        after = str(self.ends[name].after)
        paths = {str(path): entry for path, entry in entries(self.store, after).items()}
        return [
            path
            for path, entry in paths.items()
            if entry.kind != "dir" and "volume/values" not in path
        ]

    def execution(self, name: str) -> Execution:
        data = self.store.get(str(self.ends[name].execution))
        return msgspec.json.decode(data, type=Execution)


def parameter(name: str, value: Any) -> Parameter:
    return Parameter(name=name, type=type(value).__name__, default=value)  # type: ignore[arg-type]


def metric(name: str, step_name: str) -> Metric:
    return Metric(name=name, variable=name, step=step_name)
